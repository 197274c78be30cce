// The work of bench/peers/tasks.py as arms: on asyncio's own loop, and on uvloop.

import { pythonPeer } from './peer.js'
import type { PeerArm } from './scenario.js'

/** Two arms, named `asyncio …` and `uvloop …`. `work` is what tasks.py is told to do. */
export function onPythonLoops(name: string, ...work: string[]): PeerArm[] {
  return ['asyncio', 'uvloop'].map((loop) => ({
    name: `${loop} ${name}`,
    backend: null,
    peer: pythonPeer('tasks.py', loop, loop, ...work),
  }))
}

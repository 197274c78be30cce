// Starts the load generator: connect.c for clients that come and go; for messages load.c where there is
// a C compiler and epoll, otherwise node_load.ts, which speaks the same lines. All run in a process and
// on a core of their own.

import { fileURLToPath } from 'node:url'
import { compiled } from './compile.js'
import { LineProcess } from './line_process.js'
import { Core, onCore } from './machine.js'
import type { ConnectionLoad, Load, MessageLoad } from './scenario.js'

const SOURCE = 'load.c'
const CONNECTION_SOURCE = 'connect.c'
const NODE_PROGRAM = fileURLToPath(new URL('./node_load.js', import.meta.url))

/** Which load generator is used here, in words. */
export function describeLoad(): string {
  return compiled(SOURCE) !== null
    ? 'bench/load.c'
    : 'bench/node_load.ts (load.c could not be compiled here)'
}

/** Connects to a server. The generator says `ready`, and then takes one count a round. */
export function startLoad(port: number, load: Load): LineProcess {
  return new LineProcess(
    onCore(Core.LOAD, 'open' in load ? comers(port, load) : senders(port, load)),
  )
}

function senders(port: number, { connections, messageBytes, window }: MessageLoad): string[] {
  const generator = compiled(SOURCE)
  const program = generator === null ? [process.execPath, NODE_PROGRAM] : [generator]
  return [...program, ...[port, connections, messageBytes, window].map(String)]
}

function comers(port: number, { open, messageBytes }: ConnectionLoad): string[] {
  const generator = compiled(CONNECTION_SOURCE)
  if (generator === null) throw new Error(`bench/${CONNECTION_SOURCE} could not be compiled here`)
  return [generator, ...[port, open === 'all' ? 0 : open, messageBytes].map(String)]
}

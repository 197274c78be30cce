// Starts the load generator: load.c where there is a C compiler and epoll, otherwise node_load.ts,
// which speaks the same lines. Both run in a process and on a core of their own.

import { fileURLToPath } from 'node:url'
import { compiled } from './compile.js'
import { LineProcess } from './line_process.js'
import { Core, onCore } from './machine.js'
import type { Load } from './scenario.js'

const SOURCE = 'load.c'
const NODE_PROGRAM = fileURLToPath(new URL('./node_load.js', import.meta.url))

/** Which load generator is used here, in words. */
export function describeLoad(): string {
  return compiled(SOURCE) !== null
    ? 'bench/load.c'
    : 'bench/node_load.ts (load.c could not be compiled here)'
}

/** Connects to a server. The generator says `ready`, and then takes one count a round. */
export function startLoad(port: number, load: Load): LineProcess {
  const generator = compiled(SOURCE)
  const program = generator === null ? [process.execPath, NODE_PROGRAM] : [generator]
  const options = [port, load.connections, load.messageBytes, load.window].map(String)
  return new LineProcess(onCore(Core.LOAD, [...program, ...options]))
}

// Starts the load generator: connect.c for clients that come and go; datagrams.c for UDP; for messages
// load.c where there is a C compiler and epoll, otherwise node_load.ts, which speaks the same lines, and
// TLS; handshakes.ts for those; wrk for HTTP, by wrk.ts. All run in a process and on a core of their own.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compiled } from './compile.js'
import { LineProcess } from './line_process.js'
import { Core, onCore } from './machine.js'
import type { ConnectionLoad, DatagramLoad, HttpLoad, Load, MessageLoad } from './scenario.js'

const SOURCE = 'load.c'
const CONNECTION_SOURCE = 'connect.c'
const DATAGRAM_SOURCE = 'datagrams.c'
const NODE_PROGRAM = fileURLToPath(new URL('./node_load.js', import.meta.url))
const HANDSHAKE_PROGRAM = fileURLToPath(new URL('./handshakes.js', import.meta.url))
const WRK_PROGRAM = fileURLToPath(new URL('./wrk.js', import.meta.url))

/** Which load generator is used here, in words: for `load`, or for most. */
export function describeLoad(load?: Load): string {
  if (load !== undefined && 'keptAlive' in load) return 'wrk'
  if (load !== undefined && 'isSecure' in load) return 'bench/node_load.ts and handshakes.ts'
  return compiled(SOURCE) !== null
    ? 'bench/load.c'
    : 'bench/node_load.ts (load.c could not be compiled here)'
}

/** Why there cannot be such a load here; null if there can. */
export function whyNoLoad(load: Load): string | null {
  if (!('keptAlive' in load)) return null
  // Asked for its version, wrk says it and fails.
  const isMissing = spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error !== undefined
  return isMissing ? 'wrk is not installed' : null
}

/** Connects to a server. The generator says `ready`, and then takes one count a round. */
export function startLoad(port: number, load: Load): LineProcess {
  return new LineProcess(onCore(Core.LOAD, commandFor(port, load)))
}

function commandFor(port: number, load: Load): string[] {
  if ('open' in load) return comers(port, load)
  if ('keptAlive' in load) return visitors(port, load)
  if ('handshakesAtOnce' in load) {
    return [process.execPath, HANDSHAKE_PROGRAM, ...[port, load.handshakesAtOnce].map(String)]
  }
  if ('sockets' in load) return datagrams(port, load)
  return senders(port, load)
}

function senders(port: number, load: MessageLoad): string[] {
  const { connections, messageBytes, window, isSecure = false } = load
  const generator = isSecure ? null : compiled(SOURCE)
  const program = generator === null ? [process.execPath, NODE_PROGRAM] : [generator]
  const options = [port, connections, messageBytes, window].map(String)
  return [...program, ...options, ...(isSecure ? ['tls'] : [])]
}

function datagrams(port: number, { sockets, datagramBytes, window }: DatagramLoad): string[] {
  return [mustCompile(DATAGRAM_SOURCE), ...[port, sockets, datagramBytes, window].map(String)]
}

function comers(port: number, { open, messageBytes }: ConnectionLoad): string[] {
  const most = open === 'all' ? 0 : open
  return [mustCompile(CONNECTION_SOURCE), ...[port, most, messageBytes].map(String)]
}

function visitors(port: number, { keptAlive, seconds }: HttpLoad): string[] {
  return [process.execPath, WRK_PROGRAM, ...[port, keptAlive, seconds].map(String)]
}

function mustCompile(source: string): string {
  const generator = compiled(source)
  if (generator === null) throw new Error(`bench/${source} could not be compiled here`)
  return generator
}

// Starts the load generator: load.c where there is a C compiler and epoll, otherwise node_load.ts,
// which speaks the same lines. Both run in a process and on a core of their own.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LineProcess } from './line_process.js'
import { Core, onCore } from './machine.js'
import type { Load } from './scenario.js'

const SOURCE = fileURLToPath(new URL('../../bench/load.c', import.meta.url))
const PROGRAM = fileURLToPath(new URL('./load', import.meta.url))
const NODE_PROGRAM = fileURLToPath(new URL('./node_load.js', import.meta.url))
const COMPILERS = ['cc', 'gcc', 'clang']

/** Compiles load.c unless that was done; false where it cannot be compiled. */
function compileLoad(): boolean {
  if (process.platform !== 'linux') return false
  if (existsSync(PROGRAM) && statSync(PROGRAM).mtimeMs > statSync(SOURCE).mtimeMs) return true
  mkdirSync(dirname(PROGRAM), { recursive: true })
  return COMPILERS.some((compiler) => {
    const { status } = spawnSync(compiler, ['-O2', '-o', PROGRAM, SOURCE], { stdio: 'ignore' })
    return status === 0
  })
}

let isCompiled: boolean | null = null

/** Which load generator is used here, in words. */
export function describeLoad(): string {
  isCompiled ??= compileLoad()
  return isCompiled ? 'bench/load.c' : 'bench/node_load.ts (load.c could not be compiled here)'
}

/** Connects to a server. The generator says `ready`, and then takes one count a round. */
export function startLoad(port: number, load: Load): LineProcess {
  isCompiled ??= compileLoad()
  const program = isCompiled ? [PROGRAM] : [process.execPath, NODE_PROGRAM]
  const options = [port, load.connections, load.messageBytes, load.window].map(String)
  return new LineProcess(onCore(Core.LOAD, [...program, ...options]))
}

// Compiles the C programs of the benchmarks on the fly, once for each version of their source.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const COMPILERS = ['cc', 'gcc', 'clang']
/** What they include, of ours. */
const HEADERS = ['measure.h', 'peers/serve.h']
const outcomes = new Map<string, string | null>()

/** The program made of a C file (its path from bench/); null where it cannot be compiled. */
export function compiled(source: string): string | null {
  if (!outcomes.has(source)) outcomes.set(source, compile(source))
  return outcomes.get(source)!
}

function pathOf(source: string): string {
  return fileURLToPath(new URL(`../../bench/${source}`, import.meta.url))
}

function compile(source: string): string | null {
  // They use epoll or io_uring.
  if (process.platform !== 'linux') return null
  const path = pathOf(source)
  const program = fileURLToPath(new URL(`./programs/${basename(source, '.c')}`, import.meta.url))
  const sources = [path, ...HEADERS.map(pathOf)]
  const changedMs = Math.max(...sources.map((name) => statSync(name).mtimeMs))
  if (existsSync(program) && statSync(program).mtimeMs > changedMs) return program
  mkdirSync(dirname(program), { recursive: true })
  const isDone = COMPILERS.some((compiler) => {
    const { status } = spawnSync(compiler, ['-O2', '-o', program, path], { stdio: 'ignore' })
    return status === 0
  })
  return isDone ? program : null
}

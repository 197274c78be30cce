// Programs that are not Gyre's and not Node's, as arms: found on this machine, or said to be missing.
// They speak the lines of arm_main.ts: see there.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compiled } from './compile.js'

/** How to start a peer, or why it cannot be. */
export type Found = { readonly command: readonly string[] } | { readonly missing: string }

export interface Peer {
  find(): Found
}

/** A C program of bench/peers/. */
export function cPeer(source: string, ...options: string[]): Peer {
  return {
    find() {
      const program = compiled(`peers/${source}`)
      return program === null
        ? { missing: 'it could not be compiled here' }
        : { command: [program, ...options] }
    },
  }
}

/** One that not every kernel runs: with `probe`, it exits with 0, or with a reason. */
export function probedPeer(source: string): Peer {
  const peer = cPeer(source)
  return {
    find() {
      const found = peer.find()
      if ('missing' in found) return found
      const [program = ''] = found.command
      const { status, stderr } = spawnSync(program, ['probe'], { encoding: 'utf8' })
      return status === 0 ? found : { missing: stderr.trim() || 'it does not run here' }
    },
  }
}

/** The interpreter that has a module: Debian's packages are installed for its own Python. */
const PYTHONS = ['/usr/bin/python3', 'python3']
const importable = new Map<string, string | undefined>()

function pythonWith(module: string): string | undefined {
  if (!importable.has(module)) {
    const python = PYTHONS.find(
      (name) => spawnSync(name, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0,
    )
    importable.set(module, python)
  }
  return importable.get(module)
}

/** A Python program of bench/peers/, which needs `module`. */
export function pythonPeer(source: string, module: string, ...options: string[]): Peer {
  const path = fileURLToPath(new URL(`../../bench/peers/${source}`, import.meta.url))
  return {
    find() {
      const python = pythonWith(module)
      if (python === undefined) return { missing: `no Python with ${module}` }
      return { command: [python, path, ...options] }
    },
  }
}

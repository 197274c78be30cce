// The machine that benchmarks run on: what it is, and which core does what.

import { execFileSync } from 'node:child_process'
import os from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly v8: string
  /** Whether servers and load each have a core of their own. */
  readonly pinned: boolean
}

/** Cores for the two sides of a measurement. */
export const Core = { SERVER: 0, LOAD: 1 } as const
export type Core = (typeof Core)[keyof typeof Core]

function canPin(): boolean {
  if (os.cpus().length < 2) return false
  try {
    execFileSync('taskset', ['-c', `${Core.SERVER},${Core.LOAD}`, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const pinned = canPin()

export function describeMachine(): Machine {
  const cpus = os.cpus()
  const [release = ''] = os.release().match(/^[\d.]*\d/) ?? []
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${release} ${process.arch}`,
    node: process.version,
    v8: process.versions.v8,
    pinned,
  }
}

/** The command line that runs `command` on `core` alone, where that can be had. */
export function onCore(core: Core, command: readonly string[]): readonly string[] {
  return pinned ? ['taskset', '-c', String(core), ...command] : command
}

// A program of examples/, run to its end on the backend of the environment. One that says
// 'press Ctrl-C' is sent what Ctrl-C sends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from '../packaging/repository.js'

/** Far more than any of them takes: a slow machine is no failure, a program without end is. */
const TIMEOUT_MS = 60_000

export interface ExampleEnd {
  /** null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export async function runExample(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ExampleEnd> {
  const path = join(root, 'build/examples', `${name}.js`)
  const child = spawn(process.execPath, ['--enable-source-maps', path], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const texts = { stdout: '', stderr: '' }
  let isInterrupted = false
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text
      if (isInterrupted || !texts.stdout.includes('press Ctrl-C')) return
      isInterrupted = true
      child.kill('SIGINT')
    })
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, ...texts }
}

// A fetch that blocks its thread, as requests.get or urlopen does in Python. Node has none: the request
// is made in a thread beside, while this one sleeps in Atomics.wait until the answer is there.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Answer } from './fetch_page.js'

/** Longer than any request takes. */
const PATIENCE_MS = 30_000

const bell = new Int32Array(new SharedArrayBuffer(4))
let line: MessagePort | null = null

function openLine(): MessagePort {
  const { port1: ours, port2: theirs } = new MessageChannel()
  const thread = new Worker(new URL('./fetch_thread.js', import.meta.url), {
    workerData: { bell, port: theirs },
    transferList: [theirs],
  })
  thread.unref()
  ours.unref()
  return ours
}

/** Throws an error that says 'no answer' where there was none. */
export function fetchBlocking(url: string): Answer {
  line ??= openLine()
  Atomics.store(bell, 0, 0)
  line.postMessage(url)
  Atomics.wait(bell, 0, 0, PATIENCE_MS)
  const received = receiveMessageOnPort(line)
  if (received === undefined) throw new Error(`no answer from ${url} in ${PATIENCE_MS} ms`)
  const answer = received.message as Answer | { error: string }
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

// A fetch that blocks its thread, as requests.get or urlopen does in Python. Node has none: the request
// is made in a thread beside, while this one sleeps in Atomics.wait until the answer is there.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Answer } from './fetch_page.js'

/** Longer than any request takes. */
const PATIENCE_MS = 30_000

/** To the thread that makes the requests: it answers by `port`, then rings the bell. */
interface Line {
  readonly bell: Int32Array
  readonly port: MessagePort
}

let line: Line | null = null

function openLine(): Line {
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const { port1: port, port2: theirs } = new MessageChannel()
  const thread = new Worker(new URL('./fetch_thread.js', import.meta.url), {
    workerData: { bell, port: theirs },
    transferList: [theirs],
  })
  thread.unref()
  port.unref()
  return { bell, port }
}

/** Throws an error that says 'no answer' where there was none. */
export function fetchBlocking(url: string): Answer {
  line ??= openLine()
  const { bell, port } = line
  Atomics.store(bell, 0, 0)
  port.postMessage(url)
  Atomics.wait(bell, 0, 0, PATIENCE_MS)
  const received = receiveMessageOnPort(port)
  if (received === undefined) {
    // An answer that comes after all must not be taken for that of the next request.
    line = null
    throw new Error(`no answer in ${PATIENCE_MS} ms`)
  }
  const answer = received.message as Answer | { error: string }
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

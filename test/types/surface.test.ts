// The types of loops, callbacks and streams, as TypeScript sees them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BackendInfo,
  backendInfo,
  type CancelledError,
  createTask,
  currentTask,
  type EventLoop,
  type Future,
  getEventLoop,
  type Handle,
  newEventLoop,
  openConnection,
  type Runner,
  type Server,
  type StreamReader,
  type StreamWriter,
  startServer,
  type Task,
  type TimerHandle,
} from 'gyre'
import { type Equal, type Expect, typed } from './equal.js'

/** Streams, in both kinds; never called. */
export function* streams(reader: StreamReader, writer: StreamWriter) {
  typed<Buffer>()(yield* reader.read())
  typed<Buffer>()(yield* reader.read(5))
  typed<Buffer>()(yield* reader.readline())
  typed<Buffer>()(yield* reader.readexactly(5))
  typed<Buffer>()(yield* reader.readuntil('\n'))
  typed<void>()(yield* writer.drain())
  typed<void>()(yield* writer.waitClosed())
  const connection = yield* openConnection({ host: 'localhost', port: 1 })
  typed<StreamReader>()(connection.reader)
  typed<StreamWriter>()(connection.writer)
  const server = yield* startServer(
    function* (input, output) {
      typed<StreamReader>()(input)
      typed<StreamWriter>()(output)
      yield* input.read()
    },
    { port: 0 },
  )
  typed<Server>()(server)
  typed<void>()(yield* server.waitClosed())
}

export async function streamsAsync(reader: StreamReader) {
  typed<Buffer>()(await reader.readline())
  typed<Buffer>()(await reader.readexactly(5))
  for await (const chunk of reader) typed<Buffer>()(chunk)
  const { reader: input, writer } = await openConnection({ port: 1 })
  typed<StreamReader>()(input)
  typed<void>()(await writer.drain())
  typed<Server>()(
    await startServer(async (source) => {
      typed<StreamReader>()(source)
    }),
  )
}

/** Loops; never called. */
export function loops(loop: EventLoop, runner: Runner, error: CancelledError) {
  typed<Handle>()(loop.callSoon((a: number, b: string) => `${a}${b}`, 1, 'x'))
  typed<TimerHandle>()(loop.callLater(5, () => {}))
  typed<TimerHandle>()(loop.callAt(5, (flag: boolean) => flag, true))
  typed<Future<number>>()(loop.createFuture<number>())
  typed<Task<string>>()(loop.createTask(async () => 'x'))
  typed<Promise<string>>()(loop.runUntilComplete(async () => 'x'))
  typed<Promise<number>>()(runner.run(async () => 5))
  typed<number>()(loop.time())
  typed<Task<unknown> | null>()(currentTask())
  typed<EventLoop>()(getEventLoop())
  typed<BackendInfo>()(backendInfo())
  typed<unknown>()(error.reason)
  typed<object | null>()(error.origin)
  return [
    // @ts-expect-error an argument of the wrong type
    () => loop.callSoon((a: number) => a, 'x'),
    // @ts-expect-error an argument is missing
    () => loop.callSoon((a: number) => a),
    // @ts-expect-error a clock that does not exist
    () => newEventLoop({ clock: 'lunar' }),
    // @ts-expect-error a handler is no string
    () => loop.setExceptionHandler('loud'),
    () => {
      // @ts-expect-error the reason of a cancellation is not for others to change
      error.reason = 5
    },
  ]
}

export type SurfaceTypes = [
  Expect<Equal<ReturnType<EventLoop['runForever']>, Promise<void>>>,
  Expect<Equal<ReturnType<Task<number>['uncancel']>, number>>,
  Expect<Equal<Task<number>['signal'], AbortSignal>>,
  Expect<Equal<ReturnType<Future<number>['result']>, number>>,
  Expect<Equal<ReturnType<Future<number>['exception']>, unknown>>,
  Expect<Equal<BackendInfo['name'], 'native' | 'fallback'>>,
]

test('backendInfo tells what its type promises', () => {
  const info = backendInfo()
  assert.match(info.name, /^(native|fallback)$/)
  assert.equal(typeof info.poller, 'string')
  assert.match(info.version, /^\d+\.\d+\.\d+/)
  if (info.name === 'native') assert.equal(info.reason, undefined)
  else assert.equal(typeof info.reason, 'string')
  assert.equal(typeof createTask, 'function')
})

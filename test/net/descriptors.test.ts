// addReader and addWriter: callbacks for descriptors of others, as asyncio has them; on the fallback,
// an error that says what can be used instead.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import test from 'node:test'
import {
  backendInfo,
  type Coroutine,
  type Descriptor,
  Future,
  getRunningLoop,
  newEventLoop,
  sleep,
} from 'gyre'
import { openDescriptors } from '../lifetime/descriptors.js'
import { type Fifo, withFifo } from './fifo.js'
import { testOnLoop } from './on_loop.js'
import { until } from './until.js'

const isNative = backendInfo().name === 'native'

function readFrom(fd: number): string {
  const bytes = Buffer.alloc(100)
  return bytes.toString('utf8', 0, readSync(fd, bytes))
}

/** Time in which nothing must happen: what would happen wrongly, happens at once. */
function settle(): Future<unknown> {
  return sleep(10)
}

/** These are about what only the native backend can do. */
function testWithFifo(name: string, body: (fifo: Fifo) => Coroutine<void>): void {
  if (isNative) testOnLoop(name, () => withFifo(body))
}

testWithFifo(
  'a reader is called when there is something to read, with its arguments',
  function* (fifo) {
    const loop = getRunningLoop()
    const heard = new Future<string>(loop)
    const callback = (fd: number, greeting: string) => heard.setResult(greeting + readFrom(fd))
    loop.addReader(fifo.readEnd, callback, fifo.readEnd, 'got ')
    writeSync(fifo.writeEnd, 'bytes')
    assert.equal(yield* heard, 'got bytes')
    assert.equal(loop.removeReader(fifo.readEnd), true)
    assert.equal(loop.removeReader(fifo.readEnd), false)
  },
)

testWithFifo(
  'a reader is called for as long as there is something left, once a turn',
  function* (fifo) {
    const loop = getRunningLoop()
    let calls = 0
    const done = new Future<void>(loop)
    loop.addReader(fifo.readEnd, () => {
      calls++
      const one = Buffer.alloc(1)
      readSync(fifo.readEnd, one)
      if (calls === 5) done.setResult()
    })
    writeSync(fifo.writeEnd, '12345')
    yield* done
    yield* settle()
    assert.equal(calls, 5)
    loop.removeReader(fifo.readEnd)
  },
)

testWithFifo('a reader hears of the end', function* (fifo) {
  const loop = getRunningLoop()
  const end = new Future<string>(loop)
  loop.addReader(fifo.readEnd, () => {
    loop.removeReader(fifo.readEnd)
    end.setResult(readFrom(fifo.readEnd))
  })
  yield* settle()
  assert.equal(end.done(), false)
  fifo.close(fifo.writeEnd)
  assert.equal(yield* end, '')
})

testWithFifo(
  'a writer is called when there is room, and when the reader is gone',
  function* (fifo) {
    const loop = getRunningLoop()
    const chunk = Buffer.alloc(4096)
    let written = 0
    try {
      for (;;) written += writeSync(fifo.writeEnd, chunk)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
    }
    let calls = 0
    loop.addWriter(fifo.writeEnd, () => calls++)
    yield* settle()
    assert.equal(calls, 0)
    for (let left = written; left > 0; ) left -= readSync(fifo.readEnd, Buffer.alloc(65_536))
    yield* until(() => calls > 0)
    assert.equal(loop.removeWriter(fifo.writeEnd), true)
    const before = calls
    yield* settle()
    assert.equal(calls, before)
    const gone = new Future<void>(loop)
    fifo.close(fifo.readEnd)
    loop.addWriter(fifo.writeEnd, () => {
      loop.removeWriter(fifo.writeEnd)
      gone.setResult()
    })
    yield* gone
  },
)

testWithFifo(
  'one descriptor has a reader and a writer, and either can remove the other',
  function* ({ path }) {
    const loop = getRunningLoop()
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    const calls: string[] = []
    loop.addWriter(fd, () => calls.push('writer'))
    loop.addReader(fd, () => {
      calls.push('reader')
      readFrom(fd)
      loop.removeWriter(fd)
    })
    writeSync(fd, 'x')
    yield* until(() => calls.includes('reader'))
    assert.equal(calls.at(-1), 'reader', 'the writer was removed in the same turn')
    assert.equal(loop.removeWriter(fd), false)
    loop.addWriter(fd, () => {
      calls.push('second writer')
      loop.removeWriter(fd)
    })
    writeSync(fd, 'y')
    yield* until(() => calls.at(-1) === 'reader')
    yield* settle()
    assert.deepEqual(calls.slice(-1), ['reader'], 'the reader comes first')
    loop.removeReader(fd)
    closeSync(fd)
  },
)

testWithFifo('a second reader replaces the first', function* (fifo) {
  const loop = getRunningLoop()
  const calls: string[] = []
  loop.addReader(fifo.readEnd, () => calls.push('first'))
  loop.addReader(fifo.readEnd, () => calls.push(readFrom(fifo.readEnd)))
  writeSync(fifo.writeEnd, 'second')
  yield* until(() => calls.length > 0)
  assert.deepEqual(calls, ['second'])
  loop.removeReader(fifo.readEnd)
})

testWithFifo('a callback keeps the context in which it was added', function* (fifo) {
  const loop = getRunningLoop()
  const storage = new AsyncLocalStorage<string>()
  const seen = new Future<string | undefined>(loop)
  storage.run('adder', () =>
    loop.addReader(fifo.readEnd, () => {
      loop.removeReader(fifo.readEnd)
      seen.setResult(storage.getStore())
    }),
  )
  writeSync(fifo.writeEnd, 'x')
  assert.equal(yield* seen, 'adder')
})

if (isNative) {
  testOnLoop('what a callback throws is reported, and it is called again', function* (reports) {
    yield* withFifo(function* (fifo) {
      const loop = getRunningLoop()
      const thrice = new Future<void>()
      let calls = 0
      loop.addReader(fifo.readEnd, function reading() {
        if (++calls === 3) {
          loop.removeReader(fifo.readEnd)
          thrice.setResult()
        }
        throw new Error('thrown')
      })
      writeSync(fifo.writeEnd, 'x')
      yield* thrice
      yield* settle()
      assert.equal(calls, 3)
      assert.deepEqual(
        reports.splice(0).map(({ message }) => message),
        Array.from({ length: 3 }, () => 'Exception in callback reading()'),
      )
    })
  })
}

testWithFifo(
  'a descriptor closed under its watch is harmless, and its number can be used again',
  function* (fifo) {
    const loop = getRunningLoop()
    let calls = 0
    loop.addReader(fifo.readEnd, () => calls++)
    fifo.close(fifo.readEnd)
    yield* settle()
    assert.equal(calls, 0)
    const again = openSync(fifo.path, constants.O_RDONLY | constants.O_NONBLOCK)
    loop.addReader(again, () => {
      calls++
      readFrom(again)
    })
    writeSync(fifo.writeEnd, 'x')
    yield* until(() => calls > 0)
    assert.equal(calls, 1)
    loop.removeReader(again)
    closeSync(again)
    loop.removeReader(fifo.readEnd)
  },
)

testWithFifo('the descriptor of a transport is refused, also where it is not read', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const before = new Set(openDescriptors())
  const { transport } = yield* loop.createDatagramEndpoint(() => ({}), { family: 4 })
  const [fd] = openDescriptors().filter((each) => !before.has(each))
  assert.throws(() => loop.addReader(fd!, () => {}), { code: 'ERR_DESCRIPTOR_IN_USE' })
  transport.abort()
  server.close()
})

testOnLoop('bad arguments are errors at once', function* () {
  const loop = getRunningLoop()
  for (const fd of ['1', null, undefined, {}, { fd: null }]) {
    for (const method of ['addReader', 'addWriter', 'removeReader', 'removeWriter'] as const) {
      const call = () => loop[method](fd as unknown as Descriptor, () => {})
      assert.throws(call, { code: 'ERR_INVALID_ARG_TYPE' }, method)
    }
  }
  for (const fd of [-1, 1.5, 2 ** 31, Number.NaN]) {
    assert.throws(() => loop.addReader(fd, () => {}), { code: 'ERR_OUT_OF_RANGE' })
  }
  assert.throws(() => loop.addReader(0, 5 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.equal(loop.removeReader(77), false)
  assert.equal(loop.removeWriter({ fd: 77 }), false)
  const file = openSync(process.execPath, 'r')
  if (isNative) {
    assert.throws(() => loop.addReader(99_999, () => {}), { code: 'EBADF' })
    assert.throws(() => loop.addReader(file, () => {}), { code: 'EPERM', message: /regular files/ })
  } else {
    const refusal = { code: 'ERR_NOT_SUPPORTED', message: /connectReadPipe/ }
    assert.throws(() => loop.addReader(file, () => {}), refusal)
    assert.throws(() => loop.addWriter(file, () => {}), refusal)
  }
  closeSync(file)
  yield* settle()
})

test('a loop that is closed adds nothing and has nothing to remove', () => {
  const loop = newEventLoop()
  loop.close()
  assert.throws(() => loop.addReader(0, () => {}), { code: 'ERR_EVENT_LOOP_CLOSED' })
  assert.equal(loop.removeReader(0), false)
})

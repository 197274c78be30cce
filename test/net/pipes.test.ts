// connectReadPipe, connectWritePipe and the streams on them: FIFOs, terminals and what is neither, on
// both backends.

import assert from 'node:assert/strict'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import {
  backendInfo,
  createTask,
  type Descriptor,
  gather,
  getRunningLoop,
  openReadPipe,
  openWritePipe,
  sleep,
  type Transport,
  wrap,
} from 'gyre'
import { canCountDescriptors, openDescriptors } from '../lifetime/descriptors.js'
import { withFifo } from './fifo.js'
import { testOnLoop } from './on_loop.js'
import { Recorder } from './recorder.js'

const isNative = backendInfo().name === 'native'

testOnLoop('bytes go through a pipe, and its end closes the reading transport', function* () {
  yield* withFifo(function* (fifo) {
    const loop = getRunningLoop()
    const reading = yield* loop.connectReadPipe(() => new Recorder(), fifo.handOver(fifo.readEnd))
    const writing = yield* loop.connectWritePipe(() => new Recorder(), fifo.handOver(fifo.writeEnd))
    writing.transport.write('hello ')
    writing.transport.writelines(['to ', 'you'])
    assert.equal(String(yield* reading.protocol.untilReceived(12)), 'hello to you')
    writing.transport.close()
    assert.equal(yield* writing.protocol.untilLost(), null)
    assert.equal(yield* reading.protocol.untilLost(), null)
    const { phases } = reading.protocol
    assert.deepEqual(phases, ['connectionMade', 'dataReceived', 'eofReceived', 'connectionLost'])
    assert.deepEqual(writing.protocol.phases, ['connectionMade', 'connectionLost'])
    assert.ok(!fifo.isOpen(fifo.readEnd) && !fifo.isOpen(fifo.writeEnd))
  })
})

testOnLoop('the end closes it, even if the protocol would go on', function* () {
  yield* withFifo(function* (fifo) {
    const protocol = new Recorder({ eofReceived: () => true })
    yield* getRunningLoop().connectReadPipe(() => protocol, fifo.handOver(fifo.readEnd))
    fifo.close(fifo.writeEnd)
    assert.equal(yield* protocol.untilLost(), null)
    assert.equal(protocol.count('eofReceived'), 1)
  })
})

testOnLoop(
  'eight mebibytes in random pieces arrive as they were, through a slow reader',
  function* () {
    yield* withFifo(function* (fifo) {
      const { reader } = yield* openReadPipe(fifo.handOver(fifo.readEnd), { limit: 4096 })
      const writer = yield* openWritePipe(fifo.handOver(fifo.writeEnd))
      const sent = createHash('sha256')
      const writing = createTask(function* () {
        for (let left = 8 * 1024 * 1024; left > 0; ) {
          const data = randomBytes(Math.min(left, randomInt(1, 200_000)))
          left -= data.length
          sent.update(data)
          writer.write(data)
          yield* writer.drain()
        }
        writer.writeEof()
      })
      const received = createHash('sha256')
      for (;;) {
        const chunk = yield* reader.read(randomInt(1, 100_000))
        if (chunk.length === 0) break
        received.update(chunk)
        if (randomInt(10) === 0) yield* sleep(0)
      }
      yield* writing
      yield* writer.waitClosed()
      assert.equal(received.digest('hex'), sent.digest('hex'))
    })
  },
)

testOnLoop(
  'a reader that does not read holds the writer up, and close sends the rest',
  function* () {
    yield* withFifo(function* (fifo) {
      const loop = getRunningLoop()
      const writing = yield* loop.connectWritePipe(
        () => new Recorder(),
        fifo.handOver(fifo.writeEnd),
      )
      const reading = yield* loop.connectReadPipe(() => new Recorder(), fifo.handOver(fifo.readEnd))
      reading.transport.pauseReading()
      writing.transport.setWriteBufferLimits({ high: 10_000, low: 1000 })
      const data = randomBytes(400_000)
      writing.transport.write(data)
      assert.ok(writing.transport.getWriteBufferSize() > 10_000)
      assert.equal(writing.protocol.count('pauseWriting'), 1)
      writing.transport.close()
      writing.transport.write('too late')
      yield* sleep(10)
      assert.equal(writing.protocol.isLost, false)
      reading.transport.resumeReading()
      assert.equal(yield* writing.protocol.untilLost(), null)
      yield* reading.protocol.untilLost()
      assert.ok(reading.protocol.received.equals(data))
    })
  },
)

testOnLoop('a writing transport hears that nobody reads any more', function* () {
  for (const hasUnsent of [false, true]) {
    yield* withFifo(function* (fifo) {
      const loop = getRunningLoop()
      const { transport, protocol } = yield* loop.connectWritePipe(
        () => new Recorder(),
        fifo.handOver(fifo.writeEnd),
      )
      if (hasUnsent) transport.write(Buffer.alloc(1_000_000))
      yield* sleep(5)
      assert.equal(protocol.isLost, false)
      fifo.close(fifo.readEnd)
      // The fallback hears of it only when it writes.
      if (!isNative && !hasUnsent) transport.write('x')
      const error = (yield* protocol.untilLost()) as NodeJS.ErrnoException | null
      if (isNative && !hasUnsent) assert.equal(error, null)
      else assert.equal(error?.code, 'EPIPE')
    })
  }
})

testOnLoop('drain throws when the reader has gone', function* () {
  yield* withFifo(function* (fifo) {
    const writer = yield* openWritePipe(fifo.handOver(fifo.writeEnd))
    fifo.close(fifo.readEnd)
    const failure = createTask(function* () {
      for (;;) {
        writer.write('x'.repeat(10_000))
        yield* writer.drain()
        yield* sleep(1)
      }
    })
    try {
      yield* failure
    } catch (error) {
      assert.match(String((error as NodeJS.ErrnoException).code), /EPIPE|ECONNRESET/)
    }
  })
})

testOnLoop('abort drops what waits, and the descriptor is closed', function* () {
  yield* withFifo(function* (fifo) {
    const loop = getRunningLoop()
    const fd = fifo.handOver(fifo.writeEnd)
    const { transport, protocol } = yield* loop.connectWritePipe(() => new Recorder(), fd)
    transport.write(Buffer.alloc(1_000_000))
    protocol.inside(() => transport.abort())
    assert.equal(transport.isClosing(), true)
    assert.equal(yield* protocol.untilLost(), null)
    assert.deepEqual(protocol.nested, ['pauseWriting'].slice(protocol.count('pauseWriting')))
    assert.equal(fifo.isOpen(fd), false)
  })
})

testOnLoop('either direction only does what it is for', function* () {
  yield* withFifo(function* (fifo) {
    const loop = getRunningLoop()
    const reading = yield* loop.connectReadPipe(() => new Recorder(), fifo.handOver(fifo.readEnd))
    const writing = yield* loop.connectWritePipe(() => new Recorder(), fifo.handOver(fifo.writeEnd))
    // What protocols are given has all the methods of a transport.
    const reader = reading.protocol.transport
    const writer = writing.protocol.transport
    for (const act of [(to: Transport) => to.write('x'), (to: Transport) => to.writeEof()]) {
      assert.throws(() => act(reader), { code: 'ERR_READ_ONLY_PIPE' })
    }
    assert.equal(reader.canWriteEof(), false)
    assert.equal(writer.canWriteEof(), true)
    assert.equal(reader.isReading(), true)
    writer.pauseReading()
    writer.resumeReading()
    assert.equal(writer.isReading(), false)
    assert.equal(reading.transport.getExtraInfo('pipe'), fifo.readEnd)
    assert.equal(writing.transport.getExtraInfo('colour', 'none'), 'none')
    reader.abort()
    writer.abort()
    yield* reading.protocol.untilLost()
    yield* writing.protocol.untilLost()
  })
})

testOnLoop('an object that has the descriptor closes it by itself', function* () {
  yield* withFifo(function* (fifo) {
    const handle = yield* wrap(open(fifo.path, constants.O_RDONLY | constants.O_NONBLOCK))
    const loop = getRunningLoop()
    const { transport, protocol } = yield* loop.connectReadPipe(() => new Recorder(), handle)
    assert.equal(transport.getExtraInfo('pipe'), handle)
    const { fd } = handle
    writeSync(fifo.writeEnd, 'x')
    yield* protocol.untilReceived(1)
    transport.close()
    yield* protocol.untilLost()
    for (let i = 0; i < 200 && fifo.isOpen(fd); i++) yield* sleep(5)
    assert.equal(handle.fd, -1)
    assert.equal(fifo.isOpen(fd), false)
  })
})

testOnLoop('what is no pipe is an error, and stays open', function* () {
  const loop = getRunningLoop()
  const connect = function* (pipe: Descriptor) {
    try {
      yield* loop.connectReadPipe(() => ({}), pipe)
      return 'connected'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    }
  }
  const file = openSync(process.execPath, 'r')
  assert.equal(yield* connect(file), 'ERR_OUT_OF_RANGE')
  assert.equal(yield* connect(99_999), 'EBADF')
  const device = openSync('/dev/null', 'r+')
  assert.equal(yield* connect(device), isNative ? 'EPERM' : 'ERR_NOT_SUPPORTED')
  // Neither throws EBADF.
  for (const fd of [file, device]) fstatSync(fd)
  closeSync(file)
  closeSync(device)
  for (const pipe of ['0', null, undefined, {}, { fd: '0' }]) {
    const open = () => loop.connectReadPipe(() => ({}), pipe as unknown as Descriptor)
    assert.throws(open, { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => openWritePipe(pipe as unknown as Descriptor), { name: 'TypeError' })
  }
  assert.throws(() => loop.connectWritePipe(() => ({}), -1), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => loop.connectWritePipe(5 as never, 1), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => openReadPipe(0, { limit: 0 }), { code: 'ERR_OUT_OF_RANGE' })
})

testOnLoop(
  'what is refused leaves no descriptor behind',
  function* () {
    const loop = getRunningLoop()
    const device = { fd: openSync('/dev/null', 'r+') }
    const refused = function* () {
      for (const method of ['connectReadPipe', 'connectWritePipe'] as const) {
        try {
          yield* loop[method](() => ({}), device)
          assert.fail('it did not throw')
        } catch (error) {
          assert.match((error as { code?: string }).code ?? '', /^(EPERM|ERR_NOT_SUPPORTED)$/)
        }
      }
    }
    // The first time opens the poller of the loop, too.
    yield* refused()
    const before = openDescriptors()
    for (let i = 0; i < 5; i++) yield* refused()
    assert.deepEqual(openDescriptors(), before)
    closeSync(device.fd)
  },
  canCountDescriptors ? false : 'descriptors cannot be counted here',
)

testOnLoop(
  'a factory that makes no protocol fails, and leaves the pipe to its owner',
  function* () {
    yield* withFifo(function* (fifo) {
      const loop = getRunningLoop()
      for (const method of ['connectReadPipe', 'connectWritePipe'] as const) {
        const fd = method === 'connectReadPipe' ? fifo.readEnd : fifo.writeEnd
        const [error] = yield* gather([loop[method](() => undefined as never, fd)], {
          returnExceptions: true,
        })
        assert.equal((error as { code?: string }).code, 'ERR_INVALID_ARG_TYPE')
        fstatSync(fd)
      }
    })
  },
)

testOnLoop('a descriptor that a transport has is refused a second one', function* () {
  yield* withFifo(function* (fifo) {
    const { reader, transport } = yield* openReadPipe(fifo.handOver(fifo.readEnd))
    try {
      yield* openReadPipe(fifo.readEnd)
      assert.fail('it did not throw')
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ERR_DESCRIPTOR_IN_USE')
    }
    writeSync(fifo.writeEnd, 'x')
    assert.equal(String(yield* reader.read(1)), 'x')
    transport.close()
  })
})

testOnLoop('a factory that throws leaves the pipe to whoever has it', function* () {
  yield* withFifo(function* (fifo) {
    const factory = () => {
      throw new Error('no protocol')
    }
    try {
      yield* getRunningLoop().connectReadPipe(factory, fifo.readEnd)
      assert.fail('it did not throw')
    } catch (error) {
      assert.equal((error as Error).message, 'no protocol')
    }
    assert.ok(fifo.isOpen(fifo.readEnd))
    writeSync(fifo.writeEnd, 'x')
    assert.equal(readSync(fifo.readEnd, Buffer.alloc(10)), 1)
  })
})

testOnLoop(
  'opening that is cancelled leaves the pipe to whoever has it, or closes it',
  function* () {
    yield* withFifo(function* (fifo) {
      const reading = openReadPipe(fifo.readEnd)
      reading.cancel()
      yield* sleep(5)
      assert.equal(reading.cancelled(), true)
      assert.ok(fifo.isOpen(fifo.readEnd))
      const writing = openWritePipe(fifo.handOver(fifo.writeEnd))
      yield* sleep(5)
      assert.equal(writing.cancel(), false)
      writing.result().close()
      yield* writing.result().waitClosed()
      assert.ok(!fifo.isOpen(fifo.writeEnd))
    })
  },
)

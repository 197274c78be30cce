// Connections and the loop they are on: stopping and running again, ending it from a callback, and one
// connection that floods the loop while others, timers and callbacks want their share.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Coroutine,
  createTask,
  type EventLoop,
  getRunningLoop,
  newEventLoop,
  openConnection,
  type Protocol,
  run,
  SystemExit,
  sleep,
  startServer,
  type Transport,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf, withPair } from './pair.js'

test('a loop that is stopped in dataReceived goes on where it was, and loses nothing', async () => {
  const loop = newEventLoop()
  const received: Buffer[] = []
  let runs = 0
  const counting: Protocol = {
    dataReceived: (data) => {
      received.push(Buffer.from(data))
      loop.stop()
    },
  }
  const [server, transport] = await loop.runUntilComplete(async () => {
    const made = await loop.createServer(() => counting, '127.0.0.1', 0)
    const connection = await loop.createConnection(() => ({}), '127.0.0.1', portOf(made))
    return [made, connection.transport] as const
  })
  const whole = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 253))
  transport.write(whole)
  const length = () => received.reduce((sum, { byteLength }) => sum + byteLength, 0)
  while (length() < whole.length) {
    await loop.runForever()
    runs++
    assert.equal(loop.isRunning(), false)
    if (runs % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.ok(runs > 1)
  assert.equal(Buffer.concat(received).equals(whole), true)
  server.close()
  loop.close()
})

test('a loop that stands still tells its protocols nothing', async () => {
  const loop = newEventLoop()
  let heard = 0
  const [server, transport] = await loop.runUntilComplete(async () => {
    const made = await loop.createServer(() => ({ dataReceived: () => heard++ }), '127.0.0.1', 0)
    const connection = await loop.createConnection(() => ({}), '127.0.0.1', portOf(made))
    return [made, connection.transport] as const
  })
  transport.write('later')
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(heard, 0)
  await loop.runUntilComplete(async () => {
    while (heard === 0) await sleep(1)
  })
  server.close()
  loop.close()
})

for (const method of ['connectionMade', 'dataReceived', 'eofReceived', 'connectionLost'] as const) {
  test(`SystemExit in ${method} ends run, which closes everything`, async () => {
    const protocol: Protocol = {
      [method]: () => {
        throw new SystemExit(3)
      },
    }
    let loop!: EventLoop
    const running = run(async () => {
      loop = getRunningLoop()
      const server = await loop.createServer(() => protocol, '127.0.0.1', 0)
      const { transport } = await loop.createConnection(() => ({}), '127.0.0.1', portOf(server))
      transport.write('data')
      if (method !== 'dataReceived') transport.close()
      await sleep(60_000)
    })
    await assert.rejects(running, { name: 'SystemExit', exitCode: 3 })
    assert.equal(loop.isClosed(), true)
  })
}

test('the transports of a closed loop can be called, without effect', async () => {
  let transport!: Transport
  await run(async () => {
    const loop = getRunningLoop()
    const server = await loop.createServer(() => ({}), '127.0.0.1', 0)
    transport = (await loop.createConnection(() => ({}), '127.0.0.1', portOf(server))).transport
  })
  transport.write('small')
  transport.write(Buffer.alloc(1_000_000))
  transport.pauseReading()
  transport.resumeReading()
  transport.writeEof()
  transport.setWriteBufferLimits({ high: 1 })
  assert.equal(transport.getWriteBufferSize(), 0)
  transport.getExtraInfo('peername')
  transport.getExtraInfo('socket').setNoDelay()
  transport.close()
  transport.abort()
})

testOnLoop('a connection that floods its server leaves the others their share', function* () {
  const loop = getRunningLoop()
  let flooded = 0
  const server = yield* loop.createServer(
    () => ({
      dataReceived: (data) => {
        flooded += data.length
      },
    }),
    '127.0.0.1',
    0,
  )
  const { writer } = yield* openConnection('127.0.0.1', portOf(server))
  const flood = createTask(function* () {
    const block = Buffer.alloc(256 * 1024)
    for (;;) {
      writer.write(block)
      yield* writer.drain()
      // drain() of what the kernel has taken gives way to nobody.
      yield* sleep(0)
    }
  })
  let timers = 0
  let immediates = 0
  const tick = (): void => {
    timers++
    loop.callLater(1, tick)
  }
  tick()
  let isOver = false
  const again = (): void => {
    immediates++
    if (!isOver) setImmediate(again)
  }
  again()
  yield* withPair(function* ({ client, accepted }): Coroutine<void> {
    for (let round = 1; round <= 100; round++) {
      client.transport.write('ping')
      yield* accepted.untilReceived(4 * round)
      accepted.transport.write('pong')
      yield* client.untilReceived(4 * round)
    }
  })
  isOver = true
  flood.cancel()
  writer.transport.abort()
  assert.ok(flooded > 1_000_000, `${flooded}`)
  assert.ok(timers > 10, `${timers}`)
  assert.ok(immediates > 10, `${immediates}`)
  server.close()
  server.abortClients()
  yield* server.waitClosed()
})

test('two loops at once, one of Node’s thread and one that runs, talk to each other', async () => {
  const ambient = await startServer(
    async (reader, writer) => {
      for await (const chunk of reader) writer.write(chunk)
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  await run(async () => {
    assert.notEqual(getRunningLoop(), ambient.getLoop())
    const { reader, writer } = await openConnection('127.0.0.1', portOf(ambient))
    for (let i = 1; i < 50; i++) {
      writer.write(Buffer.alloc(i * 1000, i))
      assert.equal((await reader.readexactly(i * 1000))[0], i)
    }
    writer.close()
    await writer.waitClosed()
  })
  ambient.close()
  await ambient.waitClosed()
})

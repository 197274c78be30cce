// The AsyncLocalStorage context of networking: connections keep the context of whoever asked for them,
// and never see that of whoever happened to wake the loop.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import net from 'node:net'
import { duplexPair } from 'node:stream'
import test from 'node:test'
import { currentTask, getEventLoop, openConnection, type Protocol, startServer } from 'gyre'
import { fromDuplex } from 'gyre/node'
import { Recorder } from './recorder.js'

const storage = new AsyncLocalStorage<string>()

/** Writes down the context in which each method is called. */
class Witness implements Protocol {
  readonly contexts = new Map<string, Set<string | undefined>>()
  readonly over: Promise<void>
  private finish!: () => void

  constructor() {
    this.over = new Promise((resolve) => {
      this.finish = resolve
    })
  }

  note(method: string): void {
    const seen = this.contexts.get(method) ?? new Set()
    this.contexts.set(method, seen.add(storage.getStore()))
  }

  connectionMade(): void {
    this.note('connectionMade')
  }

  dataReceived(): void {
    this.note('dataReceived')
  }

  eofReceived(): void {
    this.note('eofReceived')
  }

  connectionLost(): void {
    this.note('connectionLost')
    this.finish()
  }
}

/** Keeps the default loop turning, from another context, until `until` is done. */
async function withNoise(until: Promise<unknown>): Promise<void> {
  let isOver = false
  const loop = getEventLoop()
  const turn = (left: number): void => {
    if (left > 0) loop.callSoon(turn, left - 1)
  }
  storage.run('noise', () => {
    const again = (): void => {
      if (isOver) return
      turn(100)
      setTimeout(again, 0)
    }
    again()
  })
  await until
  isOver = true
}

const methods = ['connectionMade', 'dataReceived', 'eofReceived', 'connectionLost']

test('the protocols of a server see the context in which the server was made', async () => {
  const witness = new Witness()
  const factory = (): Protocol => {
    witness.note('factory')
    return witness
  }
  const loop = getEventLoop()
  const server = await storage.run('server', () => loop.createServer(factory, '127.0.0.1', 0))
  for (let i = 0; i < 10; i++) {
    const socket = storage.run('client', () => net.connect(server.sockets[0]!.port, '127.0.0.1'))
    socket.resume().end('bytes')
    await withNoise(new Promise((resolve) => socket.on('close', resolve)))
  }
  await witness.over
  server.close()
  await server.waitClosed()
  for (const method of ['factory', ...methods]) {
    assert.deepEqual([method, [...witness.contexts.get(method)!]], [method, ['server']])
  }
})

test('handlers of streams see the context in which the server was made', async () => {
  const seen = new Set<string | undefined>()
  const server = await storage.run('server', () =>
    startServer(
      async (reader, writer) => {
        seen.add(storage.getStore())
        await reader.read()
        seen.add(storage.getStore())
        writer.close()
      },
      '127.0.0.1',
      0,
    ),
  )
  for (let i = 0; i < 10; i++) {
    const socket = net.connect(server.sockets[0]!.port, '127.0.0.1')
    socket.resume().end('bytes')
    await withNoise(new Promise((resolve) => socket.on('close', resolve)))
  }
  server.close()
  await server.waitClosed()
  assert.deepEqual([...seen], ['server'])
})

test('the protocol of a client sees the context in which it connected', async () => {
  const loop = getEventLoop()
  const server = await loop.createServer(() => ({}), '127.0.0.1', 0)
  const witness = new Witness()
  const { transport } = await storage.run('client', () =>
    loop.createConnection(() => witness, '127.0.0.1', server.sockets[0]!.port),
  )
  server.closeClients()
  await withNoise(witness.over)
  assert.equal(transport.isClosing(), true)
  assert.deepEqual(
    [...witness.contexts].map(([, contexts]) => [...contexts]),
    [['client'], ['client'], ['client']],
  )
  server.close()
  await server.waitClosed()
})

test('a protocol is in no task, also where a task made it', async () => {
  const loop = getEventLoop()
  const tasks: unknown[] = []
  const protocol = { connectionLost: () => tasks.push(currentTask()) }
  const server = await loop.createServer(() => new Recorder(protocol), '127.0.0.1', 0)
  const client = loop.createTask(async () => {
    const { writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
    writer.close()
    await writer.waitClosed()
    const lost = { connectionLost: () => tasks.push(currentTask()) }
    await loop.createConnection(() => lost, '127.0.0.1', server.sockets[0]!.port)
    server.abortClients()
  })
  await client
  server.close()
  await server.waitClosed()
  while (tasks.length < 3) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.deepEqual(tasks, [null, null, null])
})

test('a protocol is of no task, though an async task made its connection of a stream', async () => {
  const seen: [string, string | undefined, string | undefined][] = []
  const note = (method: string): void => {
    seen.push([method, storage.getStore(), currentTask()?.getName()])
  }
  const [near, far] = duplexPair()
  let isLost!: () => void
  const over = new Promise<void>((resolve) => {
    isLost = resolve
  })
  const witness: Protocol = {
    connectionMade: () => note('made'),
    dataReceived: () => note('data'),
    connectionLost: () => {
      note('lost')
      isLost()
    },
  }
  const make = async (): Promise<void> => {
    fromDuplex(near, () => witness)
    // The call has put the task back.
    note('maker')
    await over
    note('maker, later')
  }
  const maker = storage.run('client', () => getEventLoop().createTask(make, { name: 'maker' }))
  far.resume().end('bytes')
  await maker
  assert.deepEqual(seen, [
    ['maker', 'client', 'maker'],
    ['made', 'client', undefined],
    ['data', 'client', undefined],
    ['lost', 'client', undefined],
    ['maker, later', 'client', 'maker'],
  ])
})

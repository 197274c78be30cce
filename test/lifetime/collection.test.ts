// What is over can be collected: connections, readers, handlers and loops leave nothing behind that the
// garbage collector may not take.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import test from 'node:test'
import {
  type Coroutine,
  createTask,
  type EventLoop,
  gather,
  getRunningLoop,
  newEventLoop,
  type Operation,
  openConnection,
  run,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  type Transport,
} from 'gyre'

const collect = (globalThis as { gc?: () => void }).gc
const options = { skip: collect === undefined }

/** Waits until all are collected, or for a while. */
async function collected(references: WeakRef<object>[]): Promise<number> {
  for (let i = 0; i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    collect?.()
    if (references.every((reference) => reference.deref() === undefined)) break
  }
  return references.filter((reference) => reference.deref() !== undefined).length
}

test(
  'connections that are closed can be collected, though their loop and server live',
  options,
  async () => {
    await run(async () => {
      const references: WeakRef<object>[] = []
      const server = await startServer(
        async (reader, writer) => {
          references.push(new WeakRef(reader), new WeakRef(writer), new WeakRef(writer.transport))
          await reader.read()
          writer.close()
        },
        '127.0.0.1',
        0,
      )
      const visit = async (): Promise<void> => {
        const { reader, writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
        references.push(new WeakRef(reader), new WeakRef(writer), new WeakRef(writer.transport))
        writer.write('hello')
        writer.close()
        await writer.waitClosed()
      }
      for (let i = 0; i < 20; i++) await visit()
      await sleep(5)
      assert.equal(references.length, 120)
      // The last few may still be held by a stack or a ring.
      assert.ok((await collected(references)) <= 6)
      server.close()
      await server.waitClosed()
    })
  },
)

test(
  'a connection that is open is not collected, though nobody holds its ends',
  options,
  async () => {
    await run(async () => {
      const heard: string[] = []
      const server = await startServer(
        async (reader, writer) => {
          for await (const chunk of reader) heard.push(chunk.toString())
          writer.close()
        },
        '127.0.0.1',
        0,
      )
      let transport: Transport | null = null
      const open = async (): Promise<void> => {
        const { writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
        transport = writer.transport
      }
      await open()
      for (const word of ['one', 'two', 'three']) {
        for (let i = 0; i < 3; i++) {
          collect?.()
          await sleep(1)
        }
        transport!.write(word)
      }
      transport!.close()
      server.close()
      await server.waitClosed()
      assert.equal(heard.join(''), 'onetwothree')
    })
  },
)

test('a reader that nobody reads from is collected with its waiting task', options, async () => {
  await run(async () => {
    const references: WeakRef<object>[] = []
    const wait = function* (reader: StreamReader): Coroutine<void> {
      yield* reader.read(1)
    }
    const server = await startServer((reader) => wait(reader), '127.0.0.1', 0)
    const visit = async (): Promise<void> => {
      const { reader, writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
      const task = createTask(wait(reader))
      references.push(new WeakRef(reader), new WeakRef(task))
      await sleep(1)
      task.cancel()
      await gather([task], { returnExceptions: true })
      writer.close()
      await writer.waitClosed()
    }
    for (let i = 0; i < 10; i++) await visit()
    assert.ok((await collected(references)) <= 4)
    server.close()
    server.abortClients()
    await server.waitClosed()
  })
})

test(
  'a loop that was closed can be collected, with everything that was on it',
  options,
  async () => {
    const references: WeakRef<object>[] = []
    const use = async (): Promise<void> => {
      const loop = newEventLoop()
      references.push(new WeakRef(loop))
      await loop.runUntilComplete(async () => {
        assert.equal(getRunningLoop(), loop)
        const server = await startServer(
          async (reader) => void (await reader.read()),
          '127.0.0.1',
          0,
        )
        const { writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
        references.push(new WeakRef(server), new WeakRef(writer.transport))
        loop.callLater(1e6, () => {})
      })
      loop.setExceptionHandler(() => {})
      loop.close()
    }
    for (let i = 0; i < 5; i++) await use()
    assert.ok((await collected(references)) <= 3, 'the last one may still be on a stack')
  },
)

test('a loop does not keep the stores of whoever makes it or uses it first', options, async () => {
  const storage = new AsyncLocalStorage<object>()
  const loops: EventLoop[] = []
  const references: WeakRef<object>[] = []
  const within = <R>(act: () => R): R => {
    const store = { of: 'a request' }
    references.push(new WeakRef(store))
    return storage.run(store, act)
  }
  loops.push(
    newEventLoop(),
    within(() => newEventLoop()),
  )
  const use = async (loop: EventLoop): Promise<void> => {
    for (let i = 0; i < 3; i++) await within(() => loop.runUntilComplete(() => sleep(1)))
  }
  for (const loop of loops) await use(loop)
  // The last one may still be on a stack.
  assert.equal(await collected(references.slice(0, -1)), 0)
  for (const loop of loops) loop.close()
})

test('a loop that was dropped without close can be collected', options, async () => {
  const references: WeakRef<object>[] = []
  const use = async (): Promise<void> => {
    const loop = newEventLoop()
    references.push(new WeakRef(loop))
    await loop.runUntilComplete(async () => {
      await sleep(1)
    })
  }
  for (let i = 0; i < 5; i++) await use()
  assert.ok((await collected(references)) <= 1, 'the last one may still be on a stack')
})

test(
  'who gives up waiting for a server or a connection to close leaves nothing behind',
  options,
  async () => {
    await run(async () => {
      const serve = async (reader: StreamReader, writer: StreamWriter) => {
        await reader.read()
        writer.close()
      }
      const server = await startServer(serve, '127.0.0.1', 0)
      const { writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
      /** What is waited for, when the waiting has been given up. */
      const givenUp = (waiting: Operation<void>): WeakRef<object> => {
        const steps = waiting[Symbol.iterator]()
        const { value } = steps.next()
        steps.return?.()
        return new WeakRef(value as object)
      }
      for (const closer of [server, writer]) {
        const references = Array.from({ length: 20 }, () => givenUp(closer.waitClosed()))
        assert.ok((await collected(references)) <= 2)
      }
      writer.close()
      await writer.waitClosed()
      server.close()
      await server.waitClosed()
    })
  },
)

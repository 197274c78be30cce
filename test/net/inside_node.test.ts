// Gyre's connections in programs of Node: the default loop under node:http handlers, outside of any run.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import {
  createTask,
  gather,
  getEventLoop,
  getRunningLoop,
  openConnection,
  type Server,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  timeout,
} from 'gyre'

async function get(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return await response.text()
}

function* shout(reader: StreamReader, writer: StreamWriter) {
  const line = yield* reader.readline()
  yield* sleep(1)
  writer.write(line.toString().toUpperCase())
  writer.close()
}

/** Starts an HTTP server whose handler is `handler`, for as long as `body` runs. */
async function withHttp(
  handler: http.RequestListener,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await body((server.address() as AddressInfo).port)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test('a node:http handler talks to a service over streams, in a task or without', async () => {
  const service: Server = await startServer(shout, '127.0.0.1', 0)
  const { port } = service.sockets[0]!
  const ask = async (text: string): Promise<string> => {
    const { reader, writer } = await openConnection('127.0.0.1', port)
    writer.write(`${text}\n`)
    const answer = await reader.read()
    writer.close()
    await writer.waitClosed()
    return answer.toString()
  }
  const handler: http.RequestListener = async (request, response) => {
    const text = request.url!.slice(1)
    const answering = text.startsWith('task') ? createTask(() => ask(text)) : ask(text)
    response.end(await answering)
  }
  await withHttp(handler, async (httpPort) => {
    const words = ['task-one', 'plain-two', 'task-three', 'plain-four']
    const answers = await Promise.all(words.map((word) => get(httpPort, `/${word}`)))
    assert.deepEqual(
      answers,
      words.map((word) => `${word.toUpperCase()}\n`),
    )
  })
  service.close()
  await service.waitClosed()
})

test('a request that is given up cancels the task that serves it', async () => {
  let ended = ''
  const controller = new AbortController()
  const served = new Promise<void>((resolve) => {
    void withHttp(
      (_request, response) => {
        const task = createTask(function* () {
          try {
            controller.abort()
            yield* sleep(60_000)
          } finally {
            ended = 'cleaned up'
            resolve()
          }
        })
        task.catch(() => {})
        response.on('close', () => task.cancel())
      },
      async (port) => {
        const asking = fetch(`http://127.0.0.1:${port}/`, { signal: controller.signal })
        await assert.rejects(asking, { name: 'AbortError' })
        await served
      },
    )
  })
  await served
  assert.equal(ended, 'cleaned up')
})

test('writing from a callback of Node, outside of any turn, is sent', async () => {
  const server = await startServer(shout, '127.0.0.1', 0)
  const { reader, writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      writer.write('from ')
      setImmediate(() => {
        writer.write('outside\n')
        resolve()
      })
    }, 5)
  })
  assert.equal((await reader.read()).toString(), 'FROM OUTSIDE\n')
  writer.close()
  await writer.waitClosed()
  server.close()
  await server.waitClosed()
})

test('many requests at once, each with a task group of connections and a time limit', async () => {
  const service = await startServer(shout, '127.0.0.1', 0)
  const { port } = service.sockets[0]!
  function* ask(text: string) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.write(`${text}\n`)
    const answer = yield* reader.read()
    writer.close()
    yield* writer.waitClosed()
    return answer.toString().trim()
  }
  const handler: http.RequestListener = (request, response) => {
    createTask(function* () {
      const name = request.url!.slice(1)
      const answers = yield* timeout(30_000, () => gather([ask(`${name}a`), ask(`${name}b`)]))
      response.end(answers.join())
    })
  }
  await withHttp(handler, async (httpPort) => {
    const names = Array.from({ length: 50 }, (_, index) => `r${index}`)
    const answers = await Promise.all(names.map((name) => get(httpPort, `/${name}`)))
    assert.deepEqual(
      answers,
      names.map((name) => `${name.toUpperCase()}A,${name.toUpperCase()}B`),
    )
  })
  service.close()
  await service.waitClosed()
})

test('a handler of the default loop has that loop running', async () => {
  let running: unknown
  const server = await startServer(
    function* (_reader, writer) {
      running = getRunningLoop()
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  const { reader, writer } = await openConnection('127.0.0.1', server.sockets[0]!.port)
  await reader.read()
  assert.equal(running, getEventLoop())
  writer.close()
  server.close()
  await server.waitClosed()
})

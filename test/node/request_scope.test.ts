// requestScope: what becomes of the task, and of the answer, in node:http handlers.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import {
  CancelledError,
  type Coroutine,
  createTask,
  currentTask,
  getEventLoop,
  getRunningLoop,
  run,
  sleep,
} from 'gyre'
import { type RequestScope, type RequestScopeOptions, requestScope } from 'gyre/node'
import { rejectionOf } from '../thrown.js'
import { testAsync } from './duplex_pair.js'

const HOUR_MS = 3_600_000

/** Serves every request with a scope while `body` runs; gives it the scopes' outcomes in order. */
async function serving(
  handle: (scope: RequestScope, response: http.ServerResponse) => Coroutine<unknown>,
  options: RequestScopeOptions,
  body: (url: string, next: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const scopes: Promise<unknown>[] = []
  const server = http.createServer((request, response) => {
    const scope = requestScope(request, response, (given) => handle(given, response), options)
    // Looked at later, if at all.
    scope.catch(() => {})
    scopes.push(scope)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const next = async () => {
    while (scopes.length === 0) await sleep(1)
    return await scopes.shift()
  }
  try {
    await body(`http://127.0.0.1:${port}/path`, next)
  } finally {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
}

testAsync('gives what the body gives, which answers by itself', () =>
  serving(
    function* (scope, response) {
      assert.equal(scope.task, currentTask())
      assert.equal(scope.task.getName(), 'GET /path')
      yield* sleep(1)
      response.end('answered')
      return 42
    },
    { deadline: HOUR_MS },
    async (url, next) => {
      const response = await fetch(url)
      assert.equal(await response.text(), 'answered')
      assert.equal(await next(), 42)
    },
  ),
)

testAsync('makes a signal only for who asks, and leaves no listener', async () => {
  const made: object[] = []
  const { AbortController } = globalThis
  globalThis.AbortController = class extends AbortController {
    constructor() {
      super()
      made.push(this)
    }
  }
  const server = http.createServer()
  try {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const answers = async (body: (scope: RequestScope) => Coroutine<number>) => {
      const client = http.get({ port, host: '127.0.0.1' })
      client.on('error', () => {})
      const [request, response] = (await once(server, 'request')) as [
        http.IncomingMessage,
        http.ServerResponse,
      ]
      const listeners = response.listenerCount('close')
      const before = made.length
      const scope = requestScope(request, response, body)
      assert.equal(response.listenerCount('close'), listeners + 1)
      const count = await scope
      assert.equal(response.listenerCount('close'), listeners)
      assert.equal(made.length - before, count)
      response.end()
    }
    await answers(function* () {
      yield* sleep(1)
      return 0
    })
    await answers(function* (scope) {
      yield* sleep(1)
      assert.equal(scope.signal, scope.signal)
      assert.equal(scope.signal, scope.task.signal)
      return 1
    })
  } finally {
    globalThis.AbortController = AbortController
    server.close()
    server.closeAllConnections()
  }
})

testAsync('a client that goes away cancels the body, and its signal', () => {
  let begun = false
  const seen: string[] = []
  return serving(
    function* ({ signal }) {
      signal.addEventListener('abort', () => seen.push('aborted'))
      begun = true
      try {
        yield* sleep(HOUR_MS)
      } finally {
        seen.push('cleaned up')
      }
    },
    {},
    async (url, next) => {
      const request = http.get(url)
      request.on('error', () => {})
      while (!begun) await sleep(1)
      request.destroy()
      assert.equal(await next(), undefined)
      assert.deepEqual(seen.sort(), ['aborted', 'cleaned up'])
    },
  )
})

testAsync('at the deadline the body is cancelled, and the client gets a 503', () => {
  let reason: unknown
  return serving(
    function* ({ signal }) {
      try {
        yield* sleep(HOUR_MS)
      } finally {
        reason = signal.aborted
      }
    },
    { deadline: 5 },
    async (url, next) => {
      const response = await fetch(url)
      assert.equal(response.status, 503)
      assert.equal(await response.text(), 'the request took too long\n')
      assert.equal(await next(), undefined)
      assert.equal(reason, true)
    },
  )
})

testAsync('onDeadline answers in its own way', () =>
  serving(
    function* () {
      yield* sleep(HOUR_MS)
    },
    { deadline: 1, onDeadline: (response) => response.writeHead(504).end('own words') },
    async (url) => {
      const response = await fetch(url)
      assert.deepEqual([response.status, await response.text()], [504, 'own words'])
    },
  ),
)

testAsync('an answer that had begun is cut off at the deadline, not passed off as whole', () =>
  serving(
    function* (_scope, response) {
      response.write('the first half')
      yield* sleep(HOUR_MS)
    },
    { deadline: 20 },
    async (url, next) => {
      const response = await fetch(url)
      assert.equal(response.status, 200)
      await rejectionOf(response.text())
      assert.equal(await next(), undefined)
    },
  ),
)

testAsync('what the body does after its answer is not cut off when the client leaves', () => {
  let finished = false
  return serving(
    function* (_scope, response) {
      response.setHeader('connection', 'close')
      response.end('done')
      yield* sleep(15)
      finished = true
    },
    {},
    async (url, next) => {
      assert.equal(await (await fetch(url)).text(), 'done')
      await next()
      assert.equal(finished, true)
    },
  )
})

testAsync('rejects with what the body throws, its own TimeoutError included', async () => {
  const own = new (class TimeoutError extends Error {})('own')
  for (const error of [new Error('broken'), own]) {
    await serving(
      function* (_scope, response) {
        try {
          yield* sleep(1)
          throw error
        } finally {
          response.end()
        }
      },
      { deadline: HOUR_MS },
      async (url, next) => {
        await (await fetch(url)).text()
        assert.equal(await rejectionOf(next()), error)
      },
    )
  }
})

testAsync('a body may outlive its client by catching the cancellation, and give a value', () => {
  let begun = false
  return serving(
    function* () {
      begun = true
      try {
        yield* sleep(HOUR_MS)
      } catch {
        return 'saved'
      }
      return 'not reached'
    },
    {},
    async (url, next) => {
      const request = http.get(url)
      request.on('error', () => {})
      while (!begun) await sleep(1)
      request.destroy()
      assert.equal(await next(), 'saved')
    },
  )
})

testAsync('a body that is cancelled by somebody else is a cancellation', () => {
  let cleaned = false
  return serving(
    function* ({ task }, response) {
      getRunningLoop().callSoon(() => task.cancel('enough'))
      try {
        yield* sleep(HOUR_MS)
      } finally {
        cleaned = true
        response.end()
      }
    },
    {},
    async (url, next) => {
      await (await fetch(url)).text()
      const error = await rejectionOf(next())
      assert.ok(error instanceof CancelledError)
      assert.deepEqual([error.reason, cleaned], ['enough', true])
    },
  )
})

testAsync('what onDeadline throws is the outcome', () =>
  serving(
    function* () {
      yield* sleep(HOUR_MS)
    },
    {
      deadline: 1,
      onDeadline: (response) => {
        response.destroy()
        throw new Error('no answer')
      },
    },
    async (url, next) => {
      await rejectionOf(fetch(url))
      assert.match(String(await rejectionOf(next())), /no answer/)
    },
  ),
)

testAsync('a client that has gone before the scope begins: the body never does', async () => {
  const server = http.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const request = http.get({ port, host: '127.0.0.1' })
  request.on('error', () => {})
  const [incoming, response] = (await once(server, 'request')) as [
    http.IncomingMessage,
    http.ServerResponse,
  ]
  request.destroy()
  await once(response, 'close')
  const never = () => assert.fail('the body began')
  assert.equal(await requestScope(incoming, response, never), undefined)
  server.close()
  server.closeAllConnections()
})

test('outside of run, the thread’s own loop serves', async () => {
  const server = http.createServer((request, response) => {
    void requestScope(request, response, async () => {
      await sleep(1)
      response.end(String(currentTask()?.getLoop() === getEventLoop()))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'true')
  server.close()
  server.closeAllConnections()
})

test('a request that comes in the grace of a soft shutdown gets a 503', async () => {
  const answers: string[] = []
  let begun = 0
  await run(
    async () => {
      const server = http.createServer((request, response) => {
        const answer = async () => {
          begun++
          await sleep(1)
          response.end('served')
        }
        requestScope(request, response, answer).then((given) => answers.push(String(given)))
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const ask = async () => {
        const response = await fetch(url)
        answers.push(`${response.status} ${(await response.text()).trim()}`)
      }
      const { drainSignal } = getRunningLoop()
      createTask(
        async () => {
          if (!drainSignal.aborted) await once(drainSignal, 'abort')
          await ask()
          server.close()
          server.closeAllConnections()
        },
        { drain: true },
      )
      await ask()
    },
    { shutdown: { graceMs: 30_000 } },
  )
  assert.deepEqual(answers.sort(), [
    '200 served',
    '503 the server is shutting down',
    'undefined',
    'undefined',
  ])
  assert.equal(begun, 1)
})

testAsync('bad arguments are refused at once', async () => {
  const response = new http.ServerResponse(new http.IncomingMessage(null as never))
  const request = response.req
  const body = () => sleep(0)
  const code = 'ERR_INVALID_ARG_TYPE'
  const refused =
    (...args: unknown[]) =>
    () =>
      requestScope(...(args as [never, never, never]))
  assert.throws(refused(request, null, body), { code })
  assert.throws(refused(request, response, 5), { code })
  assert.throws(refused(request, response, body, null), { code })
  assert.throws(refused(request, response, body, { deadline: '5' }), { code })
  assert.throws(refused(request, response, body, { deadline: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(refused(request, response, body, { onDeadline: 5 }), { code })
})

// The thread's default loop: outside of run, tasks just work, in node:http handlers and Node's timers.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  asCompleted,
  CancelledError,
  createTask,
  currentTask,
  type EventLoop,
  gather,
  getEventLoop,
  getRunningLoop,
  newEventLoop,
  run,
  setEventLoop,
  shield,
  sleep,
  type Task,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runProgram } from '../program.js'
import { codeOf, rejectionOf } from '../thrown.js'

test('getEventLoop outside of run is the same loop each time, and it runs by itself', async () => {
  const loop = getEventLoop()
  assert.equal(getEventLoop(), loop)
  await new Promise<void>((resolve) => {
    loop.callSoon(() => {
      assert.equal(getRunningLoop(), loop)
      resolve()
    })
  })
  await new Promise<void>((resolve) => {
    loop.callLater(1, () => resolve())
  })
})

test('createTask works inside a node:http handler, for both kinds of coroutine', async () => {
  function* slowly(name: string) {
    yield* sleep(2)
    return `hello ${name}`
  }
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1)
    createTask(
      async () => {
        const [greeting, length] = await gather(slowly(name), async () => name.length)
        response.end(`${greeting} ${length} ${currentTask()?.getName()}`)
      },
      { name: `request ${name}` },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const bodies = await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        (await fetch(`http://127.0.0.1:${port}/${i}`)).text(),
      ),
    )
    assert.deepEqual(
      bodies,
      Array.from({ length: 20 }, (_, i) => `hello ${i} ${`${i}`.length} request ${i}`),
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a client that goes away cancels its handler’s task', async () => {
  const events: string[] = []
  const client = new AbortController()
  const task = new Promise<{ box: Task<void> }>((resolve) => {
    const server = createServer((_request, response) => {
      const box = createTask(() => sleep(60_000))
      response.on('close', () => box.cancel('client is gone'))
      server.close()
      resolve({ box })
      client.abort()
    })
    server.listen(0, '127.0.0.1', async () => {
      const { port } = server.address() as AddressInfo
      const { signal } = client
      await fetch(`http://127.0.0.1:${port}/`, { signal }).catch(() => events.push('aborted'))
    })
  })
  const error = await rejectionOf((await task).box)
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, 'client is gone')
  assert.deepEqual(events, ['aborted'])
})

test('createTask works inside setTimeout, setImmediate, and a promise', async () => {
  const started = [
    new Promise<Task<string>[]>((resolve) => {
      setTimeout(() => resolve([createTask(async () => await sleep(1, 'timeout'))]), 1)
    }),
    new Promise<Task<string>[]>((resolve) => {
      setImmediate(() => resolve([createTask(() => sleep(1, 'immediate'))]))
    }),
    Promise.resolve().then(() => [createTask(() => sleep(0, 'promise'))]),
  ]
  const [a, b, c] = (await Promise.all(started)).flat()
  assert.deepEqual([await a, await b, await c], ['timeout', 'immediate', 'promise'])
})

test('timeouts, groups and waits work in tasks of the default loop', async () => {
  const result = await createTask(async () => {
    const late = await rejectionOf(timeout(1, () => sleep(60_000)))
    const { done } = await wait([sleep(1, 'waited')])
    const grouped = await taskGroup(
      async (group) => await group.createTask(() => sleep(1, 'group')),
    )
    return [codeOf(late), [...done][0]?.result(), grouped]
  })
  assert.deepEqual(result, ['ERR_TIMEOUT', 'waited', 'group'])
})

test('outside of any task, what needs none can be awaited: the default loop does it', async () => {
  assert.equal(await sleep(1, 'slept'), 'slept')
  assert.deepEqual(await gather(sleep(1, 1), async () => 2), [1, 2])
  const { done } = await wait([sleep(1, 'waited')], { timeout: 1000 })
  assert.equal([...done][0]?.result(), 'waited')
  assert.equal(await waitFor(sleep(1, 'in time'), 1000), 'in time')
  assert.equal(await shield(sleep(1, 'shielded')), 'shielded')
  for (const next of asCompleted([sleep(1, 'next')])) assert.equal(await next, 'next')
  assert.equal(codeOf(await rejectionOf(timeout(5, async () => {}))), 'ERR_OUTSIDE_TASK')
})

test('the default loop can be run until something is complete, as older programs do', async () => {
  const loop = getEventLoop()
  assert.equal(await loop.runUntilComplete(async () => await sleep(1, 'complete')), 'complete')
  loop.callLater(1, () => loop.stop())
  await loop.runForever()
  assert.equal(await createTask(() => sleep(1, 'still alive')), 'still alive')
})

test('a task of the default loop is cancelled like any other', async () => {
  const task = createTask(() => sleep(60_000))
  await sleep(1)
  task.cancel('enough')
  const error = await rejectionOf(task)
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, 'enough')
})

test('inside run everything belongs to the loop of run, and afterwards to the default one', async () => {
  const before = getEventLoop()
  await run(async () => {
    assert.notEqual(getEventLoop(), before)
    assert.equal(createTask(async () => {}).getLoop(), getRunningLoop())
    await sleep(0)
  })
  assert.equal(getEventLoop(), before)
})

test('tasks of the default loop go on while another loop runs', async () => {
  const background = createTask(async () => {
    await sleep(5)
    return 'background'
  })
  const loop: EventLoop = background.getLoop()
  await run(async () => {
    assert.notEqual(getRunningLoop(), loop)
    await new Promise((resolve) => setTimeout(resolve, 10))
  })
  assert.equal(await background, 'background')
})

test('setEventLoop chooses the loop of the thread, and null goes back', async () => {
  const before = getEventLoop()
  const mine = newEventLoop()
  setEventLoop(mine)
  assert.equal(getEventLoop(), mine)
  const task = createTask(() => sleep(1, 'mine'))
  assert.equal(task.getLoop(), mine)
  assert.equal(await task, 'mine')
  setEventLoop(null)
  assert.notEqual(getEventLoop(), mine)
  mine.stop()
  assert.ok(before)
  // @ts-expect-error what is no loop
  assert.throws(() => setEventLoop({}), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('a default loop that was closed is replaced by the next', async () => {
  const end = await runProgram(`
    import { createTask, getEventLoop, sleep } from 'gyre'
    const first = getEventLoop()
    first.close()
    console.log(await createTask(() => sleep(1, 'works')), getEventLoop() !== first)
  `)
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, 'works true\n', ''])
})

test('an error that ends the loop is one of the process, on the default loop', async () => {
  const end = await runProgram(`
    import { createTask, KeyboardInterrupt, sleep } from 'gyre'
    createTask(async () => { await sleep(1); throw new KeyboardInterrupt() }).catch(() => {})
  `)
  assert.equal(end.code, 1)
  assert.match(end.stderr, /KeyboardInterrupt/)
})

test('a task of the default loop that fails unseen does not end the process', async () => {
  const end = await runProgram(`
    import { createTask, sleep } from 'gyre'
    createTask(async () => { await sleep(1); throw new Error('lost') })
    await sleep(10)
    console.log('alive')
  `)
  assert.deepEqual([end.code, end.stdout], [0, 'alive\n'])
})

test('runUntilComplete inside a turn of its loop is refused, and its coroutine never runs', async () => {
  const loop = getEventLoop()
  let ran = 0
  const refusal = await new Promise<unknown>((resolve) => {
    loop.callSoon(() => {
      loop
        .runUntilComplete(async () => {
          ran++
        })
        .catch(resolve)
    })
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal((refusal as { code?: unknown }).code, 'ERR_LOOP_RUNNING')
  assert.equal(ran, 0)
})

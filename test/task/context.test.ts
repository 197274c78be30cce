// AsyncLocalStorage: tasks and callbacks keep the context in which they were made.

import assert from 'node:assert/strict'
import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks'
import { test } from 'node:test'
import {
  asCompleted,
  createTask,
  Future,
  gather,
  getRunningLoop,
  run,
  sleep,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

const storage = new AsyncLocalStorage<string>()
const here = () => storage.getStore()

function* inGenerator(): Generator<Future<unknown>, (string | undefined)[], unknown> {
  const seen = [here()]
  yield* sleep(1)
  seen.push(here())
  yield* sleep(0)
  seen.push(here())
  return seen
}

async function inAsync(): Promise<(string | undefined)[]> {
  const seen = [here()]
  await sleep(1)
  seen.push(here())
  await sleep(0)
  seen.push(here())
  return seen
}

test('a task has the context of its createTask, behind every wait', async () => {
  await runVirtual(async () => {
    const tasks = ['a', 'b'].flatMap((name) =>
      storage.run(name, () => [createTask(inGenerator), createTask(inAsync)]),
    )
    assert.equal(here(), undefined)
    const seen = await Promise.all(tasks)
    assert.deepEqual(seen, [
      ['a', 'a', 'a'],
      ['a', 'a', 'a'],
      ['b', 'b', 'b'],
      ['b', 'b', 'b'],
    ])
    assert.equal(here(), undefined)
  })
})

test('run keeps the context of its caller', async () => {
  for (const start of [run, runVirtual]) {
    const seen = await storage.run('outside', () => start(inAsync))
    assert.deepEqual(seen, ['outside', 'outside', 'outside'])
    assert.deepEqual(await storage.run('outside', () => start(inGenerator())), seen)
  }
})

test('what wakes a task does not lend it its context', async () => {
  await runVirtual(async () => {
    const future = new Future<void>()
    const tasks = storage.run('waiter', () => [
      createTask(function* () {
        yield* future
        return here()
      }),
      createTask(async () => {
        await future
        return here()
      }),
    ])
    await sleep(1)
    storage.run('waker', () => future.setResult())
    assert.deepEqual(await Promise.all(tasks), ['waiter', 'waiter'])
  })
})

test('callSoon, callLater, callAt and done callbacks keep theirs', async () => {
  const seen: string[] = []
  await runVirtual(async () => {
    const loop = getRunningLoop()
    const future = new Future<void>()
    const note = (what: string) => () => seen.push(`${what} ${here()}`)
    storage.run('x', () => loop.callSoon(note('soon')))
    storage.run('y', () => loop.callLater(1, note('later')))
    storage.run('z', () => loop.callAt(2, note('at')))
    storage.run('w', () => future.addDoneCallback(note('done')))
    loop.callLater(3, () => storage.run('other', () => future.setResult()))
    await sleep(5)
  })
  assert.deepEqual(seen, ['soon x', 'later y', 'at z', 'done w'])
})

for (const [kind, main] of [
  [
    'a generator task',
    function* (act: () => void): Generator<Future<unknown>, void, unknown> {
      act()
      yield* sleep(5)
    },
  ],
  [
    'an async task',
    async (act: () => void): Promise<void> => {
      act()
      await sleep(5)
    },
  ],
] as const) {
  test(`callbacks of one step keep the store of each call, in ${kind}`, async () => {
    const seen: unknown[] = []
    const see = (...args: unknown[]) => seen.push([...args, here()])
    await runVirtual(() =>
      main(() => {
        const loop = getRunningLoop()
        loop.callSoon(see, 'none')
        for (const store of ['a', 'b']) {
          storage.run(store, () => {
            loop.callSoon(see, 'soon', 1)
            loop.callLater(1, see, 'later', 1)
            loop.callAt(loop.time() + 2, see)
            storage.exit(() => loop.callSoon(see, 'left'))
          })
        }
        loop.callSoon(see, 'none')
        storage.enterWith('entered')
        loop.callSoon(see)
      }),
    )
    assert.deepEqual(seen, [
      ['none', undefined],
      ['soon', 1, 'a'],
      ['left', undefined],
      ['soon', 1, 'b'],
      ['left', undefined],
      ['none', undefined],
      ['entered'],
      ['later', 1, 'a'],
      ['later', 1, 'b'],
      ['a'],
      ['b'],
    ])
  })
}

test('to async_hooks each callback is an operation of its own, and runs as it', async () => {
  const made = new Map<number, string>()
  const hook = createHook({ init: (id, type) => type.startsWith('Gyre') && made.set(id, type) })
  const ran: (string | undefined)[] = []
  const ids = new Set<number>()
  const note = () => {
    ran.push(made.get(executionAsyncId()))
    ids.add(executionAsyncId())
  }
  hook.enable()
  try {
    await runVirtual(function* () {
      const loop = getRunningLoop()
      for (let i = 0; i < 2; i++) loop.callSoon(note)
      for (let i = 0; i < 2; i++) loop.callLater(1, note)
      yield* sleep(5)
    })
  } finally {
    hook.disable()
  }
  assert.deepEqual(ran, ['GyreHandle', 'GyreHandle', 'GyreTimer', 'GyreTimer'])
  assert.equal(ids.size, 4)
})

test('gather, wait, asCompleted and taskGroup start their tasks in the context of the call', async () => {
  await runVirtual(async () => {
    await storage.run('caller', async () => {
      const seen: unknown[] = await gather(inAsync, inGenerator())
      const { done } = await wait([inAsync, inGenerator()])
      for (const future of done) seen.push(future.result())
      for (const next of asCompleted([inAsync, inGenerator()])) seen.push(await next)
      await taskGroup(async (group) => {
        seen.push(await group.createTask(inAsync), await group.createTask(inGenerator()))
      })
      seen.push(await timeout(10, inAsync), await waitFor(inGenerator(), 10))
      for (const each of seen) assert.deepEqual(each, ['caller', 'caller', 'caller'])
      assert.equal(seen.length, 10)
    })
  })
})

test('a store that is entered inside a task stays inside it', async () => {
  await runVirtual(async () => {
    const tasks = ['a', 'b'].map((name) =>
      createTask(async () => {
        storage.enterWith(name)
        await sleep(1)
        return here()
      }),
    )
    assert.deepEqual(await Promise.all(tasks), ['a', 'b'])
    assert.equal(here(), undefined)
    const generators = ['a', 'b'].map((name) =>
      createTask(function* () {
        return yield* storage.run(name, () => createTask(inGenerator))
      }),
    )
    assert.deepEqual((await Promise.all(generators)).flat(), ['a', 'a', 'a', 'b', 'b', 'b'])
  })
})

test('a generator task made inside an async task is not part of it', async () => {
  await runVirtual(async () => {
    const outer = createTask(async () => {
      const inner = createTask(function* () {
        yield* sleep(10)
        return 'survived'
      })
      const callback = new Promise<void>((resolve) => {
        getRunningLoop().callLater(5, () => resolve())
      })
      return { inner, callback }
    })
    const { inner } = await outer
    outer.cancel()
    assert.equal(await inner, 'survived')
  })
})

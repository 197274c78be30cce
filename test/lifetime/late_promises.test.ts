// Promises that settle when the loop of who awaited them is closed: nobody is there to be woken, and
// nothing is thrown in a place where it would end the process (node:test fails a test for that).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type Coro, Lock, newEventLoop, sleep, taskGroup, timeout, wrap } from 'gyre'

/** A promise and what settles it. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (e: Error) => void } {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

const waits: { [name: string]: (promise: Promise<void>) => Coro<unknown> } = {
  'an async function': (promise) => async () => await promise,
  'a wrapped promise': (promise) => async () => await wrap(promise),
  'a wrapped promise in a generator': (promise) =>
    function* () {
      yield* wrap(promise)
    },
  'the body of a timeout': (promise) => async () => await timeout(1_000, async () => await promise),
  'the body of a timeout in a generator': (promise) =>
    function* () {
      yield* timeout(1_000, async () => await promise)
    },
  'the body of a lock': (promise) => async () => await new Lock().with(async () => await promise),
  'the body and a task of a group': (promise) => async () => {
    await taskGroup(async (group) => {
      group.createTask(async () => await promise)
      await promise
    })
  },
}

for (const [name, wait] of Object.entries(waits)) {
  for (const end of ['resolves', 'rejects'] as const) {
    test(`${name}: the promise ${end} when the loop is closed`, async () => {
      const loop = newEventLoop()
      const reports: unknown[] = []
      loop.setExceptionHandler((_, { message }) => reports.push(message))
      const { promise, resolve, reject } = deferred()
      const waiting = loop.createTask(wait(promise))
      const joining = loop.createTask(async () => await waiting)
      await loop.runUntilComplete(() => sleep(0))
      await loop.runUntilComplete(() => sleep(0))
      loop.close()
      const reported = reports.length
      assert.ok(reported >= 2)
      assert.deepEqual([...new Set(reports)], ['Task was destroyed but it is pending!'])
      if (end === 'resolves') resolve()
      else reject(new Error('late'))
      await setImmediate()
      await setImmediate()
      assert.equal(reports.length, reported)
      assert.ok(!waiting.done() && !joining.done())
    })
  }
}

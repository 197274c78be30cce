// shield: line 33 of the semantics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, createTask, Future, shield, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf, rejectionOf } from '../thrown.js'

test('a shield gives what is inside: result, error or cancellation', async () => {
  await runVirtual(async () => {
    assert.equal(await shield(sleep(1, 'inside')), 'inside')
    assert.equal(await shield(async () => 'function'), 'function')
    const fail = async () => {
      await sleep(1)
      throw new Error('inside')
    }
    assert.equal(messageOf(await rejectionOf(shield(fail))), 'inside')
    const inner = createTask(() => sleep(1000))
    const outer = shield(inner)
    await sleep(1)
    inner.cancel()
    await rejectionOf(outer)
    assert.equal(outer.cancelled(), true)
    const done = new Future<number>()
    done.setResult(1)
    assert.equal(shield(done), done)
  })
})

test('the outer is cancelled and the inner runs on', async () => {
  for (const kind of ['generator', 'async']) {
    await runVirtual(async () => {
      const inner = createTask(() => sleep(10, 'survived'))
      const waiter = createTask(
        kind === 'generator'
          ? function* () {
              yield* shield(inner)
            }
          : async () => {
              await shield(inner)
            },
      )
      await sleep(1)
      waiter.cancel('outside')
      const error = await rejectionOf(waiter)
      assert.ok(error instanceof CancelledError, kind)
      assert.equal(error.reason, 'outside')
      assert.equal(inner.cancelling(), 0)
      assert.equal(await inner, 'survived')
    })
  }
})

test('the end of run cancels what is shielded all the same', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const inner = createTask(async () => {
      try {
        await sleep(1000)
      } finally {
        events.push('the inner was cancelled')
      }
    })
    shield(inner)
    await sleep(1)
  })
  assert.deepEqual(events, ['the inner was cancelled'])
})

test('what is no coroutine is a TypeError', async () => {
  await runVirtual(async () => {
    // @ts-expect-error a number is no coroutine
    assert.throws(() => shield(5), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
  })
})

// Handles and timer handles: cancelling, printing, and what a callback that throws does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type EventLoop, getRunningLoop, Handle, sleep, TimerHandle } from 'gyre'
import { runVirtual } from 'gyre/testing'

test('a cancelled callback never runs', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const handle = loop.callSoon(() => assert.fail('ran'))
    const timer = loop.callLater(1, () => assert.fail('fired'))
    assert.ok(handle instanceof Handle)
    assert.ok(timer instanceof TimerHandle)
    assert.equal(handle.cancelled(), false)
    handle.cancel()
    timer.cancel()
    handle.cancel()
    assert.equal(handle.cancelled(), true)
    assert.equal(timer.cancelled(), true)
    assert.equal(loop.metrics().timers, 0)
    yield* sleep(5)
  })
})

test('a callback can cancel another of the same turn, and a timer that is due already', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    loop.callLater(5, () => {
      second.cancel()
      soon.cancel()
    })
    const second = loop.callLater(5, () => assert.fail('fired'))
    const soon = loop.callLater(6, () => assert.fail('fired'))
    loop.callSoon(() => third.cancel())
    const third = loop.callSoon(() => assert.fail('ran'))
    yield* sleep(10)
  })
})

test('cancelling a handle that has run is harmless', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    let count = 0
    const handle = loop.callSoon(() => count++)
    const timer = loop.callLater(1, () => count++)
    yield* sleep(2)
    const other = loop.callLater(1, () => count++)
    handle.cancel()
    timer.cancel()
    yield* sleep(2)
    assert.equal(count, 3)
    assert.equal(other.cancelled(), false)
  })
})

test('cancelling a fired timer does not disarm the one that took its place', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const fired: string[] = []
    const first = loop.callLater(1, () => fired.push('first'))
    yield* sleep(2)
    const timers = Array.from({ length: 10 }, (_, i) => loop.callLater(i, () => fired.push(`${i}`)))
    first.cancel()
    yield* sleep(20)
    assert.equal(timers.length, 10)
    assert.deepEqual(fired, ['first', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })
})

test('when() is the time on the clock of the loop', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    yield* sleep(7)
    assert.equal(loop.callLater(3, () => {}).when(), 10)
    assert.equal(loop.callAt(42, () => {}).when(), 42)
  })
})

test('handles print their callback, their time and whether they were cancelled', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    function tick() {}
    const handle = loop.callSoon(tick)
    const timer = loop.callLater(5, tick)
    assert.equal(inspect(handle), '<Handle tick()>')
    assert.equal(inspect(timer), '<TimerHandle when=5 tick()>')
    assert.equal(inspect(loop.callSoon(() => {})), '<Handle <anonymous>()>')
    handle.cancel()
    timer.cancel()
    assert.equal(inspect(handle), '<Handle cancelled>')
    assert.equal(inspect(timer), '<TimerHandle when=5 cancelled>')
  })
})

test('bad delays and callbacks are refused, and leave no timer behind', async () => {
  await runVirtual(function* () {
    const loop: EventLoop = getRunningLoop()
    const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }
    const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
    for (const delay of [-1, NaN, Infinity, -Infinity]) {
      assert.throws(() => loop.callLater(delay, () => {}), range)
    }
    for (const when of [NaN, Infinity, -Infinity]) {
      assert.throws(() => loop.callAt(when, () => {}), range)
    }
    // @ts-expect-error a delay that is a string
    assert.throws(() => loop.callLater('5', () => {}), type)
    // @ts-expect-error no callback
    assert.throws(() => loop.callSoon(), type)
    // @ts-expect-error no callback
    assert.throws(() => loop.callLater(5), type)
    // @ts-expect-error no callback
    assert.throws(() => loop.callAt(5, 'tick'), type)
    assert.equal(loop.metrics().timers, 0)
    assert.equal(loop.metrics().ready, 0)
    yield* sleep(0)
  })
})

test('a generator function is no callback: a call would run nothing of its body', async () => {
  await runVirtual(function* () {
    const loop: EventLoop = getRunningLoop()
    const refusal = {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /a plain function, which may create a task/,
    }
    const callback = function* (): Generator<never, void> {}
    assert.throws(() => loop.callSoon(callback), refusal)
    assert.throws(() => loop.callLater(1, callback), refusal)
    assert.throws(() => loop.callAt(1, callback), refusal)
    assert.deepEqual(loop.metrics().timers + loop.metrics().ready, 0)
    const called: string[] = []
    loop.callSoon(async () => void called.push('an async function runs by itself'))
    yield* sleep(0)
    assert.equal(called.length, 1)
  })
})

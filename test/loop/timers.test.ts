// Timers: what reaches the backend, when, and in which order. The backend of most tests only takes notes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getRunningLoop, run, sleep } from 'gyre'
import type { Backend } from '#gyre/backend/backend'
import { IDLE, Timers } from '#gyre/loop/timers'
import { Random } from '../parity/random.js'

interface Target {
  _slot: number
  timerFired(): void
}

const target = (): Target => ({ _slot: IDLE, timerFired() {} })

function make(isVirtual = false): { timers: Timers; told: string[] } {
  const told: string[] = []
  const timers = new Timers()
  const backend = {
    armTimer: (slot: number, whenMs: number) => told.push(`arm ${slot} ${whenMs}`),
    cancelTimer: (slot: number) => told.push(`cancel ${slot}`),
    time: () => 100.25,
  }
  timers.connect(backend as unknown as Backend, isVirtual)
  return { timers, told }
}

test('a timer that is cancelled before another is armed never reaches the backend', () => {
  const { timers, told } = make()
  timers.visitBegins()
  const brief = target()
  timers.arm(brief, 5)
  assert.equal(timers.armed, 1)
  timers.cancel(brief)
  assert.equal(timers.armed, 0)
  assert.equal(brief._slot, IDLE)
  timers.visitEnds()
  assert.deepEqual(told, [])
})

test('outside of visits a timer reaches the backend at once', () => {
  const { timers, told } = make()
  const first = target()
  timers.arm(first, 5)
  assert.deepEqual(told, ['arm 0 5'])
  timers.cancel(first)
  timers.cancel(first)
  assert.deepEqual(told, ['arm 0 5', 'cancel 0'])
})

test('timers reach the backend in the order in which they were armed, the last at the end', () => {
  const { timers, told } = make()
  timers.visitBegins()
  const targets = [target(), target(), target()]
  for (const [i, one] of targets.entries()) timers.arm(one, 10 - i)
  assert.deepEqual(told, ['arm 0 10', 'arm 1 9'])
  timers.visitEnds()
  assert.deepEqual(told, ['arm 0 10', 'arm 1 9', 'arm 2 8'])
  assert.deepEqual(
    targets.map((one) => one._slot),
    [0, 1, 2],
  )
})

test('a delay counts from the clock at the call', () => {
  const { timers, told } = make()
  timers.visitBegins()
  timers.arm(target(), 5)
  timers.armIn(target(), 1.5)
  assert.equal(timers.lastMs, 101.75)
  assert.deepEqual(told, ['arm 0 5'])
  timers.visitEnds()
  assert.deepEqual(told, ['arm 0 5', 'arm 1 101.75'])
})

test('a timer that is asked for before the backend looks at the clock is there', () => {
  const { timers, told } = make()
  timers.visitBegins()
  timers.arm(target(), 5)
  timers.submit()
  timers.submit()
  assert.deepEqual(told, ['arm 0 5'])
})

test('a target may be armed again when its timer has fired or was cancelled', () => {
  const { timers, told } = make()
  const one = target()
  timers.arm(one, 1)
  assert.equal(timers.take(one._slot, timers.table.generationOf(one._slot)), one)
  assert.equal(one._slot, IDLE)
  timers.cancel(one)
  timers.visitBegins()
  timers.arm(one, 2)
  timers.cancel(one)
  timers.arm(one, 3)
  timers.visitEnds()
  assert.deepEqual(told, ['arm 0 1', 'arm 0 3'])
})

/** What the backend has been told is, at the end of each visit, just what is armed. */
function compareWithModel(seed: number): void {
  const random = new Random(seed)
  const timers = new Timers()
  const known = new Map<number, number>()
  timers.connect(
    {
      armTimer: (slot: number, whenMs: number) => known.set(slot, whenMs),
      cancelTimer: (slot: number) => known.delete(slot),
    } as unknown as Backend,
    false,
  )
  const armed = new Map<Target, number>()
  for (let visit = 0; visit < 50; visit++) {
    const isVisit = random.below(4) > 0
    if (isVisit) timers.visitBegins()
    for (let step = random.below(12); step > 0; step--) {
      const choice = random.below(10)
      if (choice < 6 || armed.size === 0) {
        const made = target()
        const whenMs = random.below(1000)
        timers.arm(made, whenMs)
        armed.set(made, whenMs)
      } else {
        const one = random.pick([...armed.keys()])
        if (choice < 9 || one._slot < 0) timers.cancel(one)
        else {
          const slot = one._slot
          assert.equal(timers.take(slot, timers.table.generationOf(slot)), one)
          known.delete(slot)
        }
        armed.delete(one)
      }
      assert.equal(timers.armed, armed.size)
    }
    if (isVisit) timers.visitEnds()
    const expected = [...armed].map(([one, whenMs]) => [one._slot, whenMs])
    const bySlot = (a: readonly number[], b: readonly number[]) => a[0]! - b[0]!
    assert.deepEqual([...known].sort(bySlot), expected.sort(bySlot as never))
  }
}

test('what the backend knows after a visit is what is armed', () => {
  for (let seed = 1; seed <= 100; seed++) {
    try {
      compareWithModel(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

test('fake timers of a test runner, which replace performance.now, leave the clock alone', async () => {
  const { now } = performance
  performance.now = () => 0
  try {
    await run(function* () {
      const loop = getRunningLoop()
      const began = process.hrtime.bigint()
      const beganMs = loop.time()
      yield* sleep(3)
      assert.ok(process.hrtime.bigint() - began >= 3_000_000n)
      assert.ok(loop.time() - beganMs >= 3)
    })
  } finally {
    performance.now = now
  }
})

test('on a virtual clock a timer beyond all times is none, on a real one it is far away', () => {
  for (const isVirtual of [false, true]) {
    const { timers, told } = make(isVirtual)
    const [never, late] = [target(), target()]
    timers.arm(never, Infinity)
    timers.arm(late, 4e12)
    assert.deepEqual(
      told,
      isVirtual ? ['arm 0 4000000000000'] : ['arm 0 Infinity', 'arm 1 4000000000000'],
    )
    assert.equal(timers.armed, isVirtual ? 1 : 2)
    timers.cancel(never)
    timers.cancel(never)
    assert.equal(timers.armed, 1)
  }
})

test('a timer that is further away than a timer of Node goes is waited for, idly', async () => {
  const warnings: Error[] = []
  const listener = (warning: Error) => warnings.push(warning)
  process.on('warning', listener)
  try {
    const turns = await run(async () => {
      const month = sleep(31 * 86_400_000)
      await new Promise((resolve) => setTimeout(resolve, 40))
      month.cancel()
      return getRunningLoop().metrics().turns
    })
    assert.ok(turns < 10, `${turns} turns`)
  } finally {
    process.removeListener('warning', listener)
  }
  assert.deepEqual(warnings, [])
})

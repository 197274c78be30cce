// EventLoop: the order of callbacks and timers, the states of a loop, stop and close.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EventLoop,
  EventLoopClosedError,
  getRunningLoop,
  newEventLoop,
  RuntimeError,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

/** Runs `act` on a fresh virtual loop until nothing is left; gives the loop back, still open. */
async function onLoop(act: (loop: EventLoop) => void): Promise<EventLoop> {
  const loop = newEventLoop({ clock: 'virtual' })
  loop.callSoon(act, loop)
  loop.callLater(1000, () => loop.stop())
  await loop.runForever()
  return loop
}

test('callbacks run in the order in which they were scheduled', async () => {
  const ran: number[] = []
  const loop = await onLoop((loop) => {
    for (let i = 0; i < 1000; i++) loop.callSoon((n: number) => ran.push(n), i)
  })
  assert.deepEqual(
    ran,
    Array.from({ length: 1000 }, (_, i) => i),
  )
  loop.close()
})

test('what a callback schedules runs in the next turn, behind all of this one', async () => {
  const ran: string[] = []
  const loop = await onLoop((loop) => {
    loop.callSoon(() => {
      ran.push('a')
      loop.callSoon(() => ran.push('a2'))
    })
    loop.callSoon(() => {
      ran.push('b')
      loop.callSoon(() => ran.push('b2'))
    })
  })
  assert.deepEqual(ran, ['a', 'b', 'a2', 'b2'])
  loop.close()
})

test('callSoon hands over its arguments', async () => {
  const got: unknown[] = []
  const loop = await onLoop((loop) => {
    loop.callSoon((...args: unknown[]) => got.push(...args), 1, 'two', null)
    loop.callLater(1, (...args: unknown[]) => got.push(...args), 3)
  })
  assert.deepEqual(got, [1, 'two', null, 3])
  loop.close()
})

test('timers fire by deadline, and equal deadlines in arming order', async () => {
  const ran: string[] = []
  const loop = await onLoop((loop) => {
    const now = loop.time()
    for (const when of [30, 10, 20, 10, 30, 10]) {
      loop.callAt(now + when, (name: string) => ran.push(name), `${when}#${ran.length}`)
    }
    for (let i = 0; i < 100; i++) loop.callAt(now + 40, (n: number) => ran.push(`40#${n}`), i)
  })
  assert.deepEqual(ran.slice(0, 6), ['10#0', '10#0', '10#0', '20#0', '30#0', '30#0'])
  assert.deepEqual(
    ran.slice(6),
    Array.from({ length: 100 }, (_, i) => `40#${i}`),
  )
  loop.close()
})

test('timers of a busy loop fire in turn with what is ready', async () => {
  const ran: string[] = []
  const loop = await onLoop((loop) => {
    let turns = 0
    const spin = () => {
      ran.push(`turn ${++turns}`)
      if (turns < 4) loop.callSoon(spin)
    }
    loop.callSoon(spin)
    loop.callLater(0, () => ran.push('timer'))
  })
  assert.deepEqual(ran, ['turn 1', 'timer', 'turn 2', 'turn 3', 'turn 4'])
  loop.close()
})

test('a timer in the past is due at once, in deadline order', async () => {
  const ran: string[] = []
  const loop = await onLoop((loop) => {
    loop.callLater(50, () => {
      loop.callAt(20, () => ran.push('second'))
      loop.callAt(10, () => ran.push('first'))
      loop.callAt(-5, () => ran.push('zeroth'))
      loop.callSoon(() => ran.push('soon'))
    })
  })
  assert.deepEqual(ran, ['soon', 'zeroth', 'first', 'second'])
  loop.close()
})

test('a timer on the real clock never fires early, not even by a fraction', async () => {
  const loop = newEventLoop()
  const early: number[] = []
  let left = 0
  for (const delay of [0, 0.1, 0.3, 0.9, 1, 1.2, 2.7, 5.05, 9.99]) {
    left++
    const timer = loop.callLater(delay, () => {
      if (loop.time() < timer.when()) early.push(delay)
      if (--left === 0) loop.stop()
    })
  }
  await loop.runForever()
  assert.deepEqual(early, [])
  loop.close()
})

test('a timer further away than those of Node go is as quiet as any other', async () => {
  const loop = newEventLoop()
  const warnings: string[] = []
  const note = (warning: Error) => warnings.push(warning.name)
  process.on('warning', note)
  const handles = [2 ** 31, 2 ** 40, Number.MAX_VALUE].map((delayMs) => {
    return loop.callLater(delayMs, () => assert.fail('it fired'))
  })
  for (const delayMs of [5, 10, 15]) loop.callLater(delayMs, () => {})
  loop.callLater(30, () => loop.stop())
  await loop.runForever()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', note)
  assert.deepEqual(warnings, [])
  for (const handle of handles) handle.cancel()
  loop.close()
})

test('time() is monotonic and has fractions of a millisecond', () => {
  const loop = newEventLoop()
  let last = loop.time()
  const readings = Array.from({ length: 1000 }, () => loop.time())
  for (const reading of readings) {
    assert.ok(reading >= last)
    last = reading
  }
  assert.ok(readings.some((reading) => !Number.isInteger(reading)))
  loop.close()
})

test('stop finishes the turn; what is scheduled later stays for the next run', async () => {
  const loop = newEventLoop({ clock: 'virtual' })
  const ran: string[] = []
  loop.callSoon(() => {
    ran.push('stops')
    loop.callSoon(() => ran.push('next run'))
    loop.stop()
  })
  loop.callSoon(() => ran.push('same turn'))
  await loop.runForever()
  assert.deepEqual(ran, ['stops', 'same turn'])
  loop.callSoon(() => loop.stop())
  await loop.runForever()
  assert.deepEqual(ran, ['stops', 'same turn', 'next run'])
  loop.close()
})

test('stop before a run lets it make one turn, as in asyncio', async () => {
  const loop = newEventLoop()
  const ran: string[] = []
  loop.callSoon(() => {
    ran.push('first turn')
    loop.callSoon(() => ran.push('second turn'))
  })
  loop.stop()
  await loop.runForever()
  assert.deepEqual(ran, ['first turn'])
  loop.close()
})

test('stop from outside ends a loop that sleeps', async () => {
  const loop = newEventLoop()
  loop.callLater(1e9, () => {})
  setTimeout(() => loop.stop(), 1)
  await loop.runForever()
  loop.close()
})

test('runUntilComplete rejects when the loop is stopped before', async () => {
  const loop = newEventLoop()
  loop.callSoon(() => loop.stop())
  const future = loop.createFuture()
  const error = await rejectionOf(loop.runUntilComplete(future))
  assert.ok(error instanceof RuntimeError)
  assert.equal(error.code, 'ERR_LOOP_STOPPED')
  assert.equal(error.message, 'Event loop stopped before Future completed.')
  loop.close()
})

test('runUntilComplete gives the result, or rejects with the error', async () => {
  const loop = newEventLoop()
  const failure = new Error('no')
  assert.equal(await loop.runUntilComplete(async () => 7), 7)
  const failing = async () => {
    throw failure
  }
  assert.equal(await rejectionOf(loop.runUntilComplete(failing)), failure)
  loop.close()
})

test('a loop knows whether it runs', async () => {
  const loop = newEventLoop()
  assert.equal(loop.isRunning(), false)
  await loop.runUntilComplete(function* () {
    assert.equal(loop.isRunning(), true)
    assert.equal(getRunningLoop(), loop)
    yield* sleep(0)
  })
  assert.equal(loop.isRunning(), false)
  loop.close()
})

test('a running loop cannot run again, and no second loop can run beside it', async () => {
  const loop = newEventLoop()
  const other = newEventLoop()
  await loop.runUntilComplete(async () => {
    for (const one of [loop, other]) {
      const error = await rejectionOf(one.runForever())
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_LOOP_RUNNING')
    }
  })
  loop.close()
  other.close()
})

test('a run that is refused leaves the one that is going on alone, and starts nothing', async () => {
  const loop = newEventLoop()
  const other = newEventLoop()
  let started = 0
  const result = await loop.runUntilComplete(async () => {
    const refused = [loop, other].map((one) =>
      rejectionOf(
        one.runUntilComplete(function* () {
          started++
          yield* sleep(0)
        }),
      ),
    )
    const done = rejectionOf(loop.runUntilComplete(sleep(0)))
    await sleep(2)
    for (const error of await Promise.all([...refused, done])) {
      assert.equal((error as RuntimeError).code, 'ERR_LOOP_RUNNING')
    }
    return 'went on'
  })
  assert.equal(result, 'went on')
  assert.equal(started, 0)
  loop.close()
  other.close()
})

test('close is idempotent and illegal while running', async () => {
  const loop = newEventLoop()
  await loop.runUntilComplete(async () => {
    assert.throws(() => loop.close(), { code: 'ERR_LOOP_RUNNING' })
  })
  assert.equal(loop.isClosed(), false)
  loop.close()
  loop.close()
  assert.equal(loop.isClosed(), true)
})

test('a closed loop refuses everything with "Event loop is closed"', async () => {
  const loop = newEventLoop()
  loop.close()
  const closed = { name: 'EventLoopClosedError', message: 'Event loop is closed' }
  assert.throws(() => loop.callSoon(() => {}), closed)
  assert.throws(() => loop.callLater(1, () => {}), closed)
  assert.throws(() => loop.callAt(1, () => {}), closed)
  assert.throws(() => loop.createFuture(), closed)
  assert.throws(() => loop.createTask(async () => {}), closed)
  assert.ok((await rejectionOf(loop.runForever())) instanceof EventLoopClosedError)
  assert.ok((await rejectionOf(loop.runUntilComplete(async () => {}))) instanceof RuntimeError)
  assert.equal(typeof loop.time(), 'number')
  loop.stop()
})

test('closing drops what is scheduled', async () => {
  const loop = newEventLoop()
  loop.callSoon(() => assert.fail('ran after close'))
  loop.callLater(1, () => assert.fail('fired after close'))
  loop.close()
  await new Promise((resolve) => setTimeout(resolve, 5))
})

test('getRunningLoop outside of any loop is an error', () => {
  assert.throws(() => getRunningLoop(), { name: 'RuntimeError', code: 'ERR_NO_RUNNING_LOOP' })
})

test('an unknown backend or clock is refused by name', () => {
  // @ts-expect-error a clock that does not exist
  assert.throws(() => new EventLoop({ clock: 'lunar' }), /clock.*'lunar'/)
  // @ts-expect-error a backend that does not exist
  assert.throws(() => new EventLoop({ backend: 'quantum' }), /backend.*'quantum'/)
})

test('metrics count turns and what waits', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    loop.callLater(5, () => {})
    const before = loop.metrics()
    assert.equal(before.timers, 1)
    yield* sleep(0)
    assert.equal(loop.metrics().turns, before.turns + 1)
  })
})

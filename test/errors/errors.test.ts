// The error classes: one base, one stable code each, names that survive printing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  CancelledError,
  createTask,
  DeadlockError,
  EventLoopClosedError,
  GyreError,
  IncompleteReadError,
  InvalidStateError,
  isCancelled,
  KeyboardInterrupt,
  LimitOverrunError,
  NotSupportedError,
  RuntimeError,
  run,
  SystemExit,
  sleep,
  TimeoutError,
  wait,
} from 'gyre'

const ERRORS: readonly [error: GyreError, name: string, code: string][] = [
  [new GyreError('x', 'ERR_X'), 'GyreError', 'ERR_X'],
  [new RuntimeError('x'), 'RuntimeError', 'ERR_RUNTIME'],
  [new CancelledError(), 'CancelledError', 'ERR_CANCELLED'],
  [new InvalidStateError('x'), 'InvalidStateError', 'ERR_INVALID_STATE'],
  [new TimeoutError(), 'TimeoutError', 'ERR_TIMEOUT'],
  [new EventLoopClosedError(), 'EventLoopClosedError', 'ERR_EVENT_LOOP_CLOSED'],
  [new DeadlockError('x'), 'DeadlockError', 'ERR_DEADLOCK'],
  [new KeyboardInterrupt(), 'KeyboardInterrupt', 'ERR_KEYBOARD_INTERRUPT'],
  [new SystemExit(3), 'SystemExit', 'ERR_SYSTEM_EXIT'],
  [new NotSupportedError('x'), 'NotSupportedError', 'ERR_NOT_SUPPORTED'],
  [new IncompleteReadError(new Uint8Array(2), 5), 'IncompleteReadError', 'ERR_INCOMPLETE_READ'],
  [new LimitOverrunError('x', 7), 'LimitOverrunError', 'ERR_LIMIT_OVERRUN'],
]

for (const [error, name, code] of ERRORS) {
  test(`${name} is a GyreError with the code ${code} and prints its name`, () => {
    assert.ok(error instanceof GyreError)
    assert.ok(error instanceof Error)
    assert.equal(error.name, name)
    assert.equal(error.code, code)
    assert.match(inspect(error), new RegExp(`^${name}`))
    assert.match(String(error), new RegExp(`^${name}`))
    assert.deepEqual(Object.keys(error).includes('name'), false)
  })
}

test('every code stands for one class', () => {
  const codes = ERRORS.map(([, , code]) => code)
  assert.equal(new Set(codes).size, codes.length)
})

test('a closed loop is a RuntimeError, as in asyncio', () => {
  assert.ok(new EventLoopClosedError() instanceof RuntimeError)
  assert.equal(new EventLoopClosedError().message, 'Event loop is closed')
})

test('a subclass of a user prints its own name', () => {
  class OrderError extends GyreError {
    constructor() {
      super('no such order', 'ERR_ORDER')
    }
  }
  assert.equal(String(new OrderError()), 'OrderError: no such order')
})

test('a CancelledError keeps its reason unchanged and hides its origin from printing', () => {
  const reason = { why: 'shutdown' }
  const origin = { big: 'graph' }
  const error = new CancelledError(reason, origin)
  assert.equal(error.reason, reason)
  assert.equal(error.origin, origin)
  assert.doesNotMatch(inspect(error), /graph/)
  assert.equal(new CancelledError().reason, undefined)
  assert.equal(new CancelledError().origin, null)
})

test('the message of a CancelledError tells its reason, whatever it is', () => {
  const messages: [unknown, string][] = [
    [undefined, 'cancelled'],
    [null, 'cancelled: null'],
    ['too late', 'cancelled: too late'],
    [new Error('gone'), 'cancelled: gone'],
    [7, 'cancelled: 7'],
    [Symbol('stop'), 'cancelled: Symbol(stop)'],
    [Object.create(null), 'cancelled: [object Object]'],
  ]
  for (const [reason, message] of messages) {
    assert.equal(new CancelledError(reason).message, message)
  }
})

test('a CancelledError without a reason has a message too, subclasses included', () => {
  class Stopped extends CancelledError {}
  for (const error of [new CancelledError(), new Stopped()]) {
    assert.equal(error.message, 'cancelled')
    assert.equal(String(error), `${error.name}: cancelled`)
    assert.match(error.stack ?? '', new RegExp(`^${error.name}: cancelled\n`))
    assert.match(inspect(error), new RegExp(`^${error.name}: cancelled\n`))
    assert.deepEqual(Object.keys(error).sort(), ['code', 'reason'])
  }
})

test('isCancelled knows CancelledError and the AbortError of Node and the web', () => {
  const controller = new AbortController()
  controller.abort()
  assert.equal(isCancelled(new CancelledError()), true)
  assert.equal(isCancelled(controller.signal.reason), true)
  assert.equal(isCancelled(new TimeoutError()), false)
  assert.equal(isCancelled(new Error('AbortError')), false)
  for (const value of [null, undefined, 'AbortError', { name: 'AbortError' }]) {
    assert.equal(isCancelled(value), false)
  }
})

test('the stream errors carry what a reader needs to go on', () => {
  const partial = Uint8Array.of(1, 2)
  const incomplete = new IncompleteReadError(partial, 5)
  assert.equal(incomplete.partial, partial)
  assert.equal(incomplete.expected, 5)
  assert.match(incomplete.message, /2 bytes read on a total of 5/)
  assert.equal(new IncompleteReadError(partial, null).expected, null)
  assert.equal(new LimitOverrunError('x', 7).consumed, 7)
  assert.equal(new SystemExit(3).exitCode, 3)
})

test('a class named by its user keeps that name', () => {
  class Quiet extends GyreError {
    override get name(): string {
      return 'Silence'
    }
  }
  class Loud extends GyreError {
    override name = 'Noise'
  }
  assert.equal(String(new Quiet('x', 'ERR_X')), 'Silence: x')
  assert.equal(String(new Loud('x', 'ERR_X')), 'Noise: x')
  assert.equal(String(new GyreError('x', 'ERR_X')), 'GyreError: x')
})

/** What a cancelled coroutine catches. */
async function caughtByCancelled(debug: boolean): Promise<CancelledError> {
  return await run(
    function* () {
      let caught: unknown
      const task = createTask(function* interrupted() {
        try {
          yield* sleep(60_000)
        } catch (error) {
          caught = error
          throw error
        }
      })
      yield* sleep(0)
      task.cancel('enough')
      yield* wait([task])
      assert.ok(caught instanceof CancelledError)
      return caught
    },
    { debug },
  )
}

test('a CancelledError that a loop makes has frames in its stack in debug mode only', async () => {
  const limit = Error.stackTraceLimit
  assert.equal((await caughtByCancelled(false)).stack, 'CancelledError: cancelled: enough')
  assert.match(
    (await caughtByCancelled(true)).stack ?? '',
    /^CancelledError: cancelled: enough\n.* at .*interrupted/s,
  )
  assert.equal(Error.stackTraceLimit, limit)
  assert.match(new CancelledError().stack ?? '', /errors\.test/)
})

test('cancelling works where the limit of stacks cannot be set', async () => {
  const descriptor = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')
  assert.ok(descriptor)
  Object.defineProperty(Error, 'stackTraceLimit', { ...descriptor, writable: false })
  try {
    const { stack } = await caughtByCancelled(false)
    assert.match(stack ?? '', /^CancelledError: cancelled: enough\n {4}at /)
  } finally {
    Object.defineProperty(Error, 'stackTraceLimit', descriptor)
  }
})

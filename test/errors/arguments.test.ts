// Bad arguments: Node's classes and codes, and a message that says what was expected and received.

import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import {
  brief,
  checkDelay,
  checkFunction,
  checkInteger,
  checkMilliseconds,
  checkPort,
  checkTime,
} from '#gyre/errors/arguments'
import { systemError } from '#gyre/errors/system_error'

const { ECONNREFUSED } = constants.errno

const TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
const RANGE = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }

test('a span may be negative or infinite, never NaN and never a string', () => {
  for (const ms of [0, -1, 0.5, Infinity, -Infinity]) checkMilliseconds('ms', ms)
  assert.throws(() => checkMilliseconds('ms', NaN), RANGE)
  for (const ms of ['5', null, undefined, 5n, {}]) {
    assert.throws(() => checkMilliseconds('ms', ms), TYPE)
  }
})

test('a delay is finite and not negative', () => {
  for (const ms of [0, 0.1, 1e12]) checkDelay('delayMs', ms)
  for (const ms of [-1, -0.001, NaN, Infinity]) {
    assert.throws(() => checkDelay('delayMs', ms), RANGE)
  }
})

test('a time is finite', () => {
  checkTime('whenMs', -5)
  for (const ms of [NaN, Infinity, -Infinity]) assert.throws(() => checkTime('when', ms), RANGE)
})

test('a whole number stays within its bounds', () => {
  checkInteger('limit', 1, 1)
  assert.throws(() => checkInteger('limit', 0, 1), RANGE)
  assert.throws(() => checkInteger('limit', 1.5, 1), RANGE)
  assert.throws(() => checkInteger('limit', '1', 1), TYPE)
  for (const port of [0, 1, 65535]) checkPort('port', port)
  for (const port of [-1, 65536, NaN, 80.5]) assert.throws(() => checkPort('port', port), RANGE)
})

test('the message names the argument, what it must be and what came', () => {
  assert.throws(() => checkFunction('callback', 'soon'), {
    ...TYPE,
    message: `The "callback" argument must be a function. Received type string ('soon')`,
  })
  assert.throws(() => checkDelay('delayMs', -3), { ...RANGE, message: /delayMs.*0 or more.*-3/ })
})

test('a wrong value is shown briefly, however large it is', () => {
  assert.equal(brief(undefined), 'undefined')
  assert.equal(brief(null), 'null')
  assert.equal(
    brief(function crawl() {}),
    'function crawl',
  )
  assert.ok(brief('x'.repeat(10_000)).length < 120)
  assert.ok(brief(Array.from({ length: 10_000 }, (_, i) => i)).length < 120)
})

test('a system error has the form of one of Node', () => {
  const error = systemError(ECONNREFUSED, 'connect', { address: '127.0.0.1', port: 9 })
  assert.equal(error.message, 'connect ECONNREFUSED 127.0.0.1:9')
  assert.deepEqual(
    { ...error },
    {
      errno: -ECONNREFUSED,
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port: 9,
    },
  )
})

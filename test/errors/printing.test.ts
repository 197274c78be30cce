// Values of the program's in messages: whatever they do when they are looked at.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { checkFunction } from '#gyre/errors/arguments'
import { functionName, printed } from '#gyre/errors/printing'

const hostile = {
  [inspect.custom]() {
    throw new Error('not to be looked at')
  },
}

test('a value is printed as inspect prints it, also one whose inspect throws', () => {
  assert.equal(printed({ a: [1, 'b'] }), "{ a: [ 1, 'b' ] }")
  assert.equal(printed({ a: { b: {} } }, { depth: 0 }), '{ a: [Object] }')
  assert.equal(printed(hostile), '<object that cannot be printed>')
  assert.throws(() => checkFunction('fn', hostile), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /Received type object \(<object that cannot be printed>\)/,
  })
})

test('a function has its name, or none, whatever stands there', () => {
  assert.equal(
    functionName(function named() {}),
    'named',
  )
  assert.equal(
    functionName(() => {}),
    '<anonymous>',
  )
  for (const value of [Symbol('s'), () => 'a method', '', undefined]) {
    const odd = Object.defineProperty(() => {}, 'name', { value })
    assert.equal(functionName(odd, 'given'), 'given')
  }
})

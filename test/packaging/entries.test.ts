// The package's entries: a program may import Gyre in one place and require it in another, and both
// must see the same classes and the same loops.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'
import * as gyre from 'gyre'
import * as node from 'gyre/node'
import * as testing from 'gyre/testing'

const require = createRequire(import.meta.url)
const modules: Record<string, Record<string, unknown>> = {
  gyre,
  'gyre/testing': testing,
  'gyre/node': node,
}

for (const [name, imported] of Object.entries(modules)) {
  test(`import and require of ${name} give the same names`, () => {
    const required: object = require(name)
    assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort())
    assert.notEqual(Object.keys(imported).length, 0)
  })

  test(`import and require of ${name} give the same objects`, () => {
    const required: Record<string, unknown> = require(name)
    for (const key of Object.keys(imported)) {
      assert.equal(imported[key], required[key], key)
    }
  })
}

test('an error made by the required package is an instance of the imported class', () => {
  const required: typeof gyre = require('gyre')
  const error = new required.CancelledError()
  assert.ok(error instanceof gyre.CancelledError)
  assert.ok(error instanceof gyre.GyreError)
})

test('the package lets its package.json be read and nothing of its insides', () => {
  assert.equal(require('gyre/package.json').name, 'gyre')
  assert.throws(() => require('gyre/dist/index.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
})

// ExceptionGroup: an AggregateError that is never empty, and prints all of its members.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { ExceptionGroup } from 'gyre'
import { runProgram } from '../lifetime/child_program.js'

test('a group is an AggregateError whose message counts its members', () => {
  const [one, two] = [new Error('one'), new RangeError('two')]
  const group = new ExceptionGroup('both failed', [one, two])
  assert.ok(group instanceof AggregateError)
  assert.deepEqual(group.errors, [one, two])
  assert.equal(group.message, 'both failed (2 sub-exceptions)')
  assert.equal(new ExceptionGroup('x', [one]).message, 'x (1 sub-exception)')
  assert.equal(group.name, 'ExceptionGroup')
  assert.equal(group.code, 'ERR_EXCEPTION_GROUP')
})

test('a group of nothing, or of what is no list, is a TypeError with a code', () => {
  for (const errors of [[], null, undefined, 5, 'text', {}]) {
    const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /"errors"/ }
    assert.throws(() => new ExceptionGroup('x', errors as Error[]), refusal)
  }
})

test('a member that cannot be printed does not keep the others from it', () => {
  const hostile = {
    [inspect.custom]() {
      throw new Error('not to be looked at')
    },
  }
  const text = inspect(new ExceptionGroup('both', [hostile, new RangeError('second')]))
  assert.match(text, /1: <object that cannot be printed>\n {2}2: RangeError: second/)
})

test('a group takes any iterable and keeps a cause', () => {
  const cause = new Error('why')
  const group = new ExceptionGroup('x', new Set(['a', 'b']), { cause })
  assert.deepEqual(group.errors, ['a', 'b'])
  assert.equal(group.cause, cause)
})

test('the leaves of nested groups come depth first', () => {
  const inner = new ExceptionGroup('inner', ['b', 'c'])
  const group = new ExceptionGroup('outer', ['a', inner, 'd'])
  assert.deepEqual([...group.leaves()], ['a', 'b', 'c', 'd'])
})

test('printing a group prints every member', () => {
  const inner = new ExceptionGroup('inner', [new Error('deep')])
  const text = inspect(new ExceptionGroup('outer', [new TypeError('first'), inner]))
  assert.match(text, /ExceptionGroup: outer \(2 sub-exceptions\)/)
  assert.match(text, /1: TypeError: first/)
  assert.match(text, /2: ExceptionGroup: inner \(1 sub-exception\)/)
  assert.match(text, /1: Error: deep/)
})

test('a group that nobody catches ends the process with every member on stderr', async () => {
  const thrown = `import { ExceptionGroup, run, taskGroup } from 'gyre'
    const failing = (error) => async () => { throw error }
    const main = () => taskGroup(async (group) => {
      group.createTask(failing(new TypeError('first', { cause: new Error('why') })))
      group.createTask(failing(new RangeError('second')))
    })
    console.error = console.log
    console.error(await run(main).catch((error) => error))
    await run(main)`
  const { stdout, stderr, code } = await runProgram(thrown)
  assert.equal(code, 1)
  for (const text of [stdout, stderr]) {
    assert.match(text, /ExceptionGroup: unhandled errors in a TaskGroup \(2 sub-exceptions\)/)
    assert.match(text, /TypeError: first/)
    assert.match(text, /Error: why/)
    assert.match(text, /RangeError: second/)
  }
})

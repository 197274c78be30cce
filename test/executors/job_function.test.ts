// Which functions can be sent, and what is said of those that cannot.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type JobFunction, ThreadPoolExecutor } from 'gyre'
import { codeOf, messageOf, thrownBy } from '../thrown.js'

const outside = 5
const helper = (x: number) => x + outside

/** What is said at the call; a pool without a job starts no thread. */
function refusalOf(fn: unknown): { code: unknown; message: string } {
  const executor = new ThreadPoolExecutor({ maxWorkers: 1 })
  const error = thrownBy(() => executor.map(fn as JobFunction<never[], unknown> as never, []))
  return { code: codeOf(error), message: String(messageOf(error)) }
}

class Counter {
  count = 0
  add() {
    return ++this.count
  }
  static make() {
    return new Counter()
  }
}

const refused: [what: string, fn: unknown, says: RegExp][] = [
  ['a closure over a constant', (x: number) => x + outside, /needs outside from where/],
  ['a closure over a function', (x: number) => helper(x), /needs helper from/],
  ['several names, each once', () => helper(outside) + outside, /needs helper, outside from/],
  ['a name in a default argument', (x = outside) => x, /needs outside/],
  ['a name deep inside', () => [1].map((x) => ({ y: () => x + outside })), /needs outside/],
  ['an assignment to a name outside', new Function('return () => { lost = 1 }')(), /needs lost/],
  ['arguments of an outer function', new Function('return () => arguments.length')(), /arguments/],
  [
    'a name that is also a property',
    (o: { outside: number }) => o.outside + outside,
    /needs outside/,
  ],
  ['a class', Counter, /it is a class/],
  ['a method', new Counter().add, /that of a method/],
  ['a static method', Counter.make, /that of a method/],
  ['a native function', Math.max, /native or bound/],
  ['a bound function', function twice() {}.bind(null), /native or bound/],
  ['a generator function', function* () {}, /generator function/],
  ['an async generator function', async function* () {}, /generator function/],
  [
    'an import of a relative path',
    new Function('return () => import("./x.js")')(),
    /relative path/,
  ],
  ['a require of a relative path', new Function('return () => require("./x")')(), /relative path/],
]

for (const [what, fn, says] of refused) {
  test(`${what} cannot be sent, and the error says why`, () => {
    const { code, message } = refusalOf(fn)
    assert.equal(code, 'ERR_NOT_SENDABLE')
    assert.match(message, says)
  })
}

test('an arrow function that uses this cannot be sent', () => {
  const { code, message } = refusalOf(new Function('return () => [1].map((x) => this.y + x)')())
  assert.equal(code, 'ERR_NOT_SENDABLE')
  assert.match(message, /`this` of an arrow function/)
})

test('what is no function at all is a TypeError', () => {
  for (const value of [1, null, undefined, 'text', {}, []]) {
    assert.equal(refusalOf(value).code, 'ERR_INVALID_ARG_TYPE')
  }
  assert.equal(refusalOf({ module: 5 }).code, 'ERR_INVALID_ARG_TYPE')
  assert.equal(refusalOf({ module: 'node:fs', name: 5 }).code, 'ERR_INVALID_ARG_TYPE')
})

const accepted: [what: string, fn: unknown][] = [
  ['globals of the language and of Node', () => [Math.PI, Buffer, process, setTimeout, URL, fetch]],
  ['its own variables, of every kind', sumsOfEveryKind],
  ['this of a function', new Function('return function () { return this.signal }')()],
  [
    'this of a nested class',
    () =>
      new (class {
        x = 1
        y() {
          return this.x
        }
      })().y(),
  ],
  ['a name that is only asked for', new Function('return () => typeof window')()],
  [
    'labels, properties and keys',
    () => {
      for (;;) break
      return { outside: 1 }
    },
  ],
  ['what esbuild puts around functions', new Function('return () => __name(() => 1, "f")')()],
  [
    'recursion by its own name',
    function fib(n: number): number {
      return n < 2 ? n : fib(n - 1)
    },
  ],
  ['require', new Function('return () => require("node:os").cpus()')()],
]

function sumsOfEveryKind({ a, ...rest }: { a: number; b: number[] }, [c = a] = [a]) {
  let total = a
  for (const x of rest.b) total += x
  for (let i = 0; i < 2; i++) total += i + (c ?? 0)
  try {
    class Inner extends Array {}
    total += new Inner().length
  } catch (error) {
    total += String(error).length
  }
  function later() {
    return total
  }
  return later()
}

for (const [what, fn] of accepted) {
  test(`a function with ${what} can be sent`, () => {
    const executor = new ThreadPoolExecutor({ maxWorkers: 1 })
    const results = executor.map(fn as never, [])
    assert.equal(typeof results.next, 'function')
    void results.return()
  })
}

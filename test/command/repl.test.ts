// gyre repl, fed by a pipe; and what becomes of the lines.

import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import test from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { readSource } from '#gyre/command/repl_source'
import { testWithPeers } from '../peers/peer.js'
import { file, gyre } from './gyre.js'

/** What the session prints behind its two lines of greeting, without prompts. */
async function session(input: string): Promise<string[]> {
  const { stdout, stderr, code } = await gyre(['repl'], { input: `${input.trim()}\n` })
  assert.deepEqual([stderr, code], ['', 0])
  const lines = stdout.split('\n').slice(2)
  return lines.map((line) => line.replace(/^(> |\.\.\. |\| )+/, '')).filter((line) => line !== '')
}

test('lines may wait with yield* and with await, and their names stay', async () => {
  const printed = await session(`
    const seven = yield* sleep(1, 7)
    seven
    let { a, b = 2 } = await Promise.resolve({ a: 1 })
    a + b
    a = 10; a + b
    yield* gather(sleep(1, 'x'), sleep(1, 'y'))
    await sleep(1, 'last')
  `)
  const values = ['7', '3', '12', "[ 'x', 'y' ]", "'last'"]
  assert.deepEqual(
    printed.filter((line) => line !== 'undefined'),
    values,
  )
})

test('functions and classes that are declared beside a wait stay too', async () => {
  const printed = await session(`
    function twice(x) { return 2 * x } class Point {}; yield* sleep(1)
    twice(21)
    new Point()
  `)
  assert.deepEqual(printed, ['undefined', '42', 'Point {}'])
})

test('what is not complete goes on in the next line', async () => {
  const printed = await session(`
    function* count(n) {
      yield* sleep(1)
      return n
    }
    yield* count(3)
    for (const i of [1, 2]) {
      console.log(await sleep(1, i))
    }
    \`one
two\`
  `)
  assert.deepEqual(printed, ['undefined', '3', '1', '2', 'undefined', "'one\\ntwo'"])
})

test('lines run one after another, and tasks in the background meanwhile', async () => {
  const printed = await session(`
    const task = createTask(function* () { yield* sleep(30); return 'done' })
    task.done()
    yield* sleep(50)
    task.result()
  `)
  assert.deepEqual(printed, ['undefined', 'false', 'undefined', "'done'"])
})

test('modules are imported from the working directory', async (context) => {
  const directory = dirname(file(context, 'five.mjs', 'export const five = 5'))
  const input = [
    `const { five } = await import('./five.mjs')`,
    'five',
    `await import('gyre').then(({ sleep: imported }) => imported === sleep)`,
    `import fs from 'node:fs'`,
    '',
  ].join('\n')
  const { stdout, stderr, code } = await gyre(['repl'], { input, cwd: directory })
  const printed = stdout.split('\n').slice(2)
  assert.deepEqual(printed.slice(0, 3), ['> undefined', '> 5', '> true'])
  assert.match(printed[3] ?? '', /what is typed is no module: write const .* = await import/)
  assert.equal(code, 0)
  // Node calls the way in which modules are found an experiment, and says so.
  const said = stderr
    .split('\n')
    .filter((line) => !/ExperimentalWarning|--trace-warnings/.test(line))
  assert.deepEqual(said, [''])
})

test('a future is a value, and shown as one', async () => {
  assert.deepEqual(await session('sleep(60_000)\n{ a: 1 }\n'), ['<Future pending>', '{ a: 1 }'])
})

test('errors are shown, and the session goes on', async () => {
  const printed = await session(`
    throw new RangeError('thrown')
    await Promise.reject(new TypeError('rejected'))
    yield sleep(1)
    foo bar
    yield* sleep(1) }
    'still here'
  `)
  const shown = printed.filter((line) => !/^ {4}at |^ *code:|^}|^Uncaught:$/.test(line))
  const frames = printed.filter((line) => /^ {4}at /.test(line))
  assert.ok(frames.length > 0)
  assert.deepEqual(
    frames.filter((line) => /node:vm|repl\.[jt]s|task\.[jt]s/.test(line)),
    [],
  )
  assert.match(shown[0]!, /RangeError: thrown/)
  assert.match(shown[1]!, /TypeError: rejected/)
  assert.match(shown[2]!, /RuntimeError: .*yield\*/)
  assert.match(shown[3]!, /SyntaxError/)
  assert.match(shown[4]!, /SyntaxError/)
  assert.equal(shown[5], "'still here'")
})

test('SIGINT cancels the line that is running, and the session goes on', async () => {
  let stage = 0
  const { stdout, code } = await gyre(['repl'], {
    onPrinted: (printed, child) => {
      if (stage === 0 && printed.includes('> ')) {
        stage = 1
        child.stdin!.write(`console.log('begun'); yield* sleep(1e9)\n`)
      } else if (stage === 1 && printed.includes('begun')) {
        stage = 2
        child.kill('SIGINT')
      } else if (stage === 2 && printed.includes('KeyboardInterrupt')) {
        stage = 3
        child.stdin!.end('40 + 2\n')
      }
    },
  })
  assert.equal(code, 0)
  assert.match(stdout, /KeyboardInterrupt[\s\S]*42/)
})

testWithPeers(
  ['script'],
  'lines that are pasted into a terminal run one after another',
  async () => {
    const pasted = [
      'const a = await sleep(20, 1)',
      'function add(x) {',
      'return x + a',
      '}',
      'add(2)',
    ]
    let stage = 0
    const { stdout, code } = await gyre(['repl'], {
      onTerminal: true,
      onPrinted: (printed, child) => {
        if (stage === 0 && printed.includes('> ')) {
          stage = 1
          child.stdin!.write(`${pasted.join('\r')}\ryield* sleep(5, 'the ' + 'last')\r`)
        } else if (stage === 1 && /'the last'[^>]*> /.test(printed)) {
          stage = 2
          child.stdin!.write('\x04')
        }
      },
    })
    assert.equal(code, 0)
    // Node 26 prints the line anew with each character of it.
    const printed = stripVTControlCharacters(stdout)
    assert.match(printed, /add\(2\)\s+3\s+> [\s\S]*yield\* [\s\S]*\s'the last'/)
  },
)

test('SIGINT at the prompt ends the session', { skip: process.platform === 'win32' }, async () => {
  const { code } = await gyre(['repl'], {
    onPrinted: (printed, child) => {
      if (printed.includes('> ')) child.kill('SIGINT')
    },
  })
  assert.equal(code, 130)
})

test('the end of the input waits for the last line', async () => {
  assert.deepEqual(await session(`yield* sleep(50, 'waited for')`), ["'waited for'"])
})

test('what is cut short, what is wrong and what waits are told apart', () => {
  const kinds: [string, string][] = [
    ['1 + 1', 'script'],
    ['function* f() { yield 1 }', 'script'],
    ['async () => await x', 'script'],
    ['"await"', 'script'],
    ['yield* f()', 'coroutine'],
    ['x = await f()', 'coroutine'],
    ['if (a) { await f() }', 'coroutine'],
    ['for await (const x of y) {}', 'coroutine'],
    ['[1, yield* f()]', 'coroutine'],
    ['f(', 'incomplete'],
    ['f({', 'incomplete'],
    ['1 +', 'incomplete'],
    ['`a', 'incomplete'],
    ['/* a', 'incomplete'],
    ['await f(', 'incomplete'],
    ['yield* f({', 'incomplete'],
    ['for (const x of y) { yield* f(x)', 'incomplete'],
    ['const x = await f(', 'incomplete'],
  ]
  for (const [code, kind] of kinds) assert.equal(readSource(code).kind, kind, code)
  for (const code of ['a b', ')', 'yield* f() }', 'await f() )', '"a']) {
    assert.throws(() => readSource(code), SyntaxError, code)
  }
})

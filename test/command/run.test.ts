// gyre run, gyre info, and what the command says when it is used wrongly.

import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import test from 'node:test'
import { backendInfo } from 'gyre'
import { file, gyre } from './gyre.js'

const { typescript } = process.features as { typescript?: string | false }

test('it runs the default export of a module under run', async (context) => {
  const path = file(
    context,
    'main.mjs',
    `import { currentTask, getRunningLoop, sleep } from 'gyre'
    export default async function main() {
      await sleep(1)
      console.log(getRunningLoop().isRunning(), currentTask() !== null)
    }`,
  )
  assert.deepEqual(await gyre(['run', path]), { stdout: 'true true\n', stderr: '', code: 0 })
})

test('a generator function gets the arguments, which process.argv has too', async (context) => {
  const path = file(
    context,
    'main.mjs',
    `import { sleep } from 'gyre'
    export default function* (...args) {
      yield* sleep(1)
      console.log(args.join(), process.argv.slice(2).join(), process.argv[1] === import.meta.filename)
    }`.replace('import.meta.filename', 'new URL(import.meta.url).pathname'),
  )
  const words = ['run', basename(path), '--flag', 'a', '--help']
  const end = await gyre(words, { cwd: dirname(path) })
  assert.deepEqual(end, { stdout: '--flag,a,--help --flag,a,--help true\n', stderr: '', code: 0 })
})

test('CommonJS works as well, also compiled from an ES module', async (context) => {
  const body = `const { sleep } = require('gyre')
    const main = async () => { await sleep(1); console.log('ran') }\n`
  for (const last of [
    'module.exports = main',
    'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = main',
  ]) {
    const path = file(context, 'main.cjs', body + last)
    assert.deepEqual(await gyre(['run', path]), { stdout: 'ran\n', stderr: '', code: 0 })
  }
})

test('TypeScript runs, by Node itself or by tsx', async (context) => {
  const path = file(
    context,
    'main.mts',
    `import { type Coroutine, sleep } from 'gyre'
    interface Greeting { readonly text: string }
    export default function* main(): Coroutine<void> {
      const greeting: Greeting = yield* sleep(1, { text: 'typed' } as Greeting)
      console.log(greeting.text)
    }`,
  )
  const { stdout, stderr, code } = await gyre(['run', path])
  assert.deepEqual([stdout, code], ['typed\n', 0], stderr)
})

test('without either, TypeScript is an error that says what to do', {
  skip: typeof typescript === 'string' ? 'this Node runs TypeScript by itself' : false,
}, async (context) => {
  const path = file(context, 'main.ts', 'export default async () => {}', 'outside')
  const { stdout, stderr, code } = await gyre(['run', path])
  assert.deepEqual([stdout, code], ['', 2])
  assert.match(stderr, /^gyre: Node v\S+ cannot run TypeScript by itself: use Node 22\.18.*tsx/)
})

test('a program without Gyre at hand runs by that of the command', async (context) => {
  const text = 'export default async () => console.log("no gyre here")'
  const path = file(context, 'main.mjs', text, 'outside')
  assert.deepEqual(await gyre(['run', path]), { stdout: 'no gyre here\n', stderr: '', code: 0 })
})

for (const [what, text, code, stderr] of [
  ['throws', `async () => { throw new RangeError('too far') }`, 1, /^RangeError: too far\n/],
  ['throws no error', `async () => { throw 'text' }`, 1, /^Uncaught 'text'\n$/],
  ['returns what is no coroutine', `() => 5`, 1, /ERR_INVALID_ARG_TYPE/],
  ['throws SystemExit', `async () => { throw new SystemExit(7) }`, 7, /^$/],
  [
    'is interrupted',
    `async () => { setTimeout(() => process.kill(process.pid, 'SIGINT'), 5); await sleep(1e6) }`,
    130,
    /^KeyboardInterrupt\n$/,
  ],
  ['waits for nothing', `() => new Future()`, 1, /^DeadlockError/],
  ['sets the exit code', `async () => { process.exitCode = 9 }`, 9, /^$/],
] as const) {
  test(`a main that ${what} ends the command with ${code}`, async (context) => {
    const head = `import { Future, sleep, SystemExit } from 'gyre'\nexport default `
    const end = await gyre(['run', file(context, 'main.mjs', head + text)])
    assert.equal(end.code, code, end.stderr)
    assert.match(end.stderr, stderr)
    assert.equal(end.stdout, '')
  })
}

test('options before the file choose the backend and the debug mode', async (context) => {
  const path = file(
    context,
    'main.mjs',
    `import { backendInfo, getRunningLoop } from 'gyre'
    export default async () => console.log(backendInfo().name, getRunningLoop().getDebug())`,
  )
  for (const words of [
    ['--backend=fallback', '--debug', 'run', path],
    ['run', '--debug', '--backend', 'fallback', path],
  ]) {
    assert.deepEqual(await gyre(words), { stdout: 'fallback true\n', stderr: '', code: 0 })
  }
})

test('what is used wrongly is said on stderr, with exit code 2', async (context) => {
  const noDefault = file(context, 'main.mjs', 'export const main = async () => {}')
  const other = file(context, 'main.txt', 'text')
  const cases: [string[], RegExp][] = [
    [[], /^gyre: a command is needed\n/],
    [['walk'], /^gyre: unknown command walk\n/],
    [['constructor'], /^gyre: unknown command constructor\n/],
    [['--loud', 'info'], /^gyre: unknown option --loud\n/],
    [['--backend=uv', 'info'], /^gyre: --backend must be native or fallback, not uv\n/],
    [['run'], /^gyre: gyre run needs a file\n/],
    [['run', '--loud', noDefault], /^gyre: unknown option --loud\n/],
    [['run', 'no-such-file.js'], /^gyre: there is no file no-such-file.js\n/],
    [['run', dirname(noDefault)], /^gyre: there is no file /],
    [['run', other], /^gyre: \S+ is neither JavaScript nor TypeScript by its name\n/],
    [['run', noDefault], /^gyre: \S+ has no function as its default export/],
    [['info', 'more'], /^gyre: gyre info does not take more\n/],
    [['repl', 'more'], /^gyre: gyre repl does not take more\n/],
  ]
  for (const [words, expected] of cases) {
    const { stdout, stderr, code } = await gyre(words)
    assert.deepEqual([stdout, code], ['', 2], words.join(' '))
    assert.match(stderr, expected)
    assert.match(
      stderr,
      words.length === 0 ? /\nusage: gyre <command>/ : /\n`gyre --help` says how/,
    )
  }
})

test('a main that fails ends the program, whatever it left open', async (context) => {
  const open = (thrown: string) =>
    file(
      context,
      'main.mjs',
      `import { SystemExit } from 'gyre'
      export default async () => { setInterval(() => {}, 1000); throw ${thrown} }`,
    )
  const failed = await gyre(['run', open(`new Error('too bad')`)])
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /^Error: too bad\n/)
  assert.equal((await gyre(['run', open('new SystemExit(4)')])).code, 4)
})

test('a main that fails has its warnings printed', async (context) => {
  const text = `export default async () => { process.emitWarning('look out'); throw new Error('bad') }`
  const { stderr } = await gyre(['run', file(context, 'main.mjs', text)])
  assert.match(stderr, /Warning: look out/)
})

test('a SyntaxError of the running program is its own', async (context) => {
  const text = `export default async () => JSON.parse('{')`
  const { stderr, code } = await gyre(['run', file(context, 'main.mjs', text)])
  assert.equal(code, 1)
  assert.match(stderr, /^SyntaxError: [\s\S]*main\.mjs:1/)
})

test('a file that does not load is the program’s failure', async (context) => {
  const broken = await gyre(['run', file(context, 'main.mjs', 'export default (')])
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /main\.mjs:1\nexport default \(\n[\s\S]*\nSyntaxError/)
  const missing = await gyre(['run', file(context, 'main.mjs', `import 'no-such-package'`)])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /no-such-package/)
})

test('help and version are printed to stdout', async () => {
  for (const words of [
    ['--help'],
    ['-h'],
    ['run', '--help'],
    ['info', '--json', '--help'],
    ['worker', '-h'],
  ]) {
    const { stdout, stderr, code } = await gyre(words)
    assert.deepEqual([stderr, code], ['', 0])
    for (const part of ['gyre run', 'gyre repl', 'gyre info']) assert.ok(stdout.includes(part))
  }
  const { version } = backendInfo()
  for (const word of ['--version', '-v']) {
    assert.deepEqual(await gyre([word]), { stdout: `${version}\n`, stderr: '', code: 0 })
  }
})

test('info takes the options that stand behind it', async () => {
  const { stdout, stderr } = await gyre(['info', '--backend', 'fallback', '--json'])
  assert.equal(stderr, '')
  assert.equal(JSON.parse(stdout).backend, 'fallback')
})

test('info says which backend is in use, and why', async () => {
  const { name, poller, version, reason } = backendInfo()
  const { stdout, stderr, code } = await gyre(['info', '--json'])
  assert.deepEqual([stderr, code], ['', 0])
  const { node, uv, v8, platform, ...about } = JSON.parse(stdout)
  const expected = { gyre: version, backend: name, poller }
  assert.deepEqual(about, reason === undefined ? expected : { ...expected, reason })
  assert.deepEqual(
    [node, uv, v8],
    [process.versions.node, process.versions.uv, process.versions.v8],
  )
  assert.equal(platform, `${process.platform} ${process.arch}`)
  const lines = (await gyre(['info'])).stdout.trimEnd().split('\n')
  assert.ok(lines.includes(`backend  ${name}`), lines.join('\n'))
})

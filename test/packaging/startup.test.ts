// What a program pays for starting: few files and few of Node's modules. And what the bundle must keep:
// names of classes, and places in the sources.

import assert from 'node:assert/strict'
import test from 'node:test'
import { runProgram } from '../program.js'
import { readSource, sourceFiles } from './repository.js'

/** Loading each of these costs 0.4 to 2 ms. */
const DEAR = [
  'NativeModule child_process',
  'NativeModule cluster',
  'NativeModule crypto',
  'NativeModule dgram',
  'NativeModule fs/promises',
  'NativeModule http',
  'NativeModule net',
  'NativeModule perf_hooks',
  'NativeModule stream',
  'NativeModule tls',
  'NativeModule v8',
]

const OUTSIDE_GYRE = `
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
const before = new Set(process.moduleLoadList)
const show = (value) => writeSync(1, JSON.stringify(value))
`

async function resultOf(source: string, flags: string[] = []): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(OUTSIDE_GYRE + source, flags)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

const NEW_MODULES = 'show(process.moduleLoadList.filter((name) => !before.has(name)))'

test('importing gyre loads none of the modules of Node that few programs need', async () => {
  const loaded = await resultOf(`await import('gyre')\n${NEW_MODULES}`)
  assert.ok(Array.isArray(loaded))
  assert.deepEqual(
    DEAR.filter((name) => loaded.includes(name)),
    [],
  )
})

test('what is loaded late is loaded when it is used', async () => {
  const source = `
  const { createSubprocessExec, run } = await import('gyre')
  await run(async () => (await createSubprocessExec(process.execPath, ['-e', ''])).wait())
  ${NEW_MODULES}`
  const loaded = await resultOf(source)
  assert.ok(Array.isArray(loaded))
  assert.ok(loaded.includes('NativeModule child_process'))
})

test('every method that a module adds to the loop is there as soon as gyre is imported', async () => {
  const added = sourceFiles('ts', ['.ts']).flatMap((path) =>
    Array.from(readSource(path).matchAll(/^EventLoop\.prototype\.(\w+) =/gm), ([, name]) => name),
  )
  const source = `
  const { EventLoop } = await import('gyre')
  show(${JSON.stringify(added)}.filter((name) => typeof EventLoop.prototype[name] !== 'function'))`
  assert.ok(added.length > 20, String(added.length))
  assert.deepEqual(await resultOf(source), [])
})

test('importing all of gyre loads three files of it', async () => {
  const source = `
  await import('gyre')
  await import('gyre/testing')
  show(Object.keys(createRequire(import.meta.url).cache).map((path) => path.split('/dist/')[1]))`
  assert.deepEqual(await resultOf(source), ['index.js', 'bundle/gyre.js', 'testing.js'])
})

test('classes of gyre bear the names under which they are exported', async () => {
  const source = `
  const exported = Object.entries(await import('gyre'))
  const classes = exported.filter(([, value]) => /^class\\b/.test(String(value)))
  show([classes.length > 30, classes.filter(([name, value]) => value.name !== name)])`
  assert.deepEqual(await resultOf(source), [true, []])
})

test('with source maps, frames of gyre are in its sources', async () => {
  const source = `
  import { sleep } from 'gyre'
  try { sleep('soon') } catch (error) { show(error.stack.split('\\n')[1]) }`
  const frame = await resultOf(source, ['--enable-source-maps'])
  assert.match(String(frame), /\bts\/errors\/arguments\.ts:\d+:\d+\)$/)
})

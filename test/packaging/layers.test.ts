// Holds the layers of docs/architecture.md: a lower row never imports a higher one, nothing imports
// in a circle (a type-only import counts), and the native core knows nothing of Node.

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import test from 'node:test'
import { readSource, sourceFiles } from './repository.js'

/** The rows from the lowest to the highest: a name, and its modules (`x/` is a directory). */
const ROWS: ReadonlyArray<readonly [row: string, modules: readonly string[]]> = [
  ['errors', ['errors/']],
  ['backend', ['backend/']],
  ['loop', ['loop/']],
  ['future', ['future/']],
  ['task', ['task/']],
  ['combining', ['combine/']],
  ['running', ['run/']],
  ['synchronization', ['sync/', 'queues/']],
  ['net', ['net/', 'bridge/', 'tls/']],
  ['processes', ['process/']],
  ['bridges to Node', ['node/']],
  ['executors', ['executors/']],
  ['groups of servers', ['serve/']],
  ['BullMQ', ['bullmq/']],
  ['index', ['index', 'testing', 'node', 'bullmq']],
  ['command', ['command/']],
]

const IMPORTED = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*'(\.[^']*)'/g
const modules = sourceFiles('ts', ['.ts']).map((path) => path.slice('ts/'.length, -'.ts'.length))

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

/** The modules of ts/ that `module` imports, re-exports or names in a type. */
function importsOf(module: string): string[] {
  const source = withoutComments(readSource(`ts/${module}.ts`))
  const directory = posix.dirname(module)
  const paths = Array.from(source.matchAll(IMPORTED), ([, path = '']) => path)
  // package.json is no module, and stands above all rows and below them.
  return paths
    .filter((path) => !path.endsWith('.json'))
    .map((path) => posix.join(directory, path.replace(/\.js$/, '')))
}

function rowOf(module: string): number {
  return ROWS.findIndex(([, members]) =>
    members.some((member) =>
      member.endsWith('/') ? module.startsWith(member) : module === member,
    ),
  )
}

/** A path that leads from a module back to itself, or null. */
function findCycle(): string[] | null {
  const finished = new Set<string>()
  const visit = (module: string, path: string[]): string[] | null => {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module]
    if (finished.has(module)) return null
    for (const imported of importsOf(module)) {
      const cycle = visit(imported, [...path, module])
      if (cycle !== null) return cycle
    }
    finished.add(module)
    return null
  }
  for (const module of modules) {
    const cycle = visit(module, [])
    if (cycle !== null) return cycle
  }
  return null
}

test('every module of ts/ has a row', () => {
  assert.deepEqual(
    modules.filter((module) => rowOf(module) === -1),
    [],
  )
})

test('every relative import of ts/ is of a module that is there', () => {
  for (const module of modules) {
    for (const imported of importsOf(module))
      assert.ok(modules.includes(imported), `${module}: ${imported}`)
  }
})

test('no module imports one of a higher row', () => {
  const upward = modules.flatMap((module) =>
    importsOf(module)
      .filter((imported) => rowOf(imported) > rowOf(module))
      .map((imported) => `${module} imports ${imported}`),
  )
  assert.deepEqual(upward, [])
})

test('no modules import each other in a circle', () => {
  assert.equal(findCycle()?.join(' -> '), undefined)
})

test('the native core includes nothing of Node, libuv or V8', () => {
  const forbidden = /#\s*include\s*[<"](node|node_api|js_native_api|napi|uv|v8)\b.*/g
  for (const path of sourceFiles('native/core', ['.h', '.cc'])) {
    assert.deepEqual(readSource(path).match(forbidden), null, path)
  }
})

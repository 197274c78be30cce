// `npm run check:package`: packs the library and uses it as its users will. Lints the tarball
// (publint, attw), then installs it in four ways: with a compiler; without one; with a prebuilt
// binary and npm's scripts blocked; and with neither binary nor scripts. Each time an ES module and
// a CommonJS program are compiled against its types and run. Works on a copy of the repository, so
// that prebuilds/ stays as it is. Requires that the library is built.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reasonNotToCompile } from './native/compile.mjs'
import { Consumer } from './package/consumer.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const PACKED = ['dist', 'native', 'scripts', 'ts', 'LICENSE', 'README.md', 'CHANGELOG.md']
const NEEDED = ['package.json', 'binding.gyp', 'prebuilds/README.md']

function run(directory, command, ...commandArguments) {
  const result = spawnSync(command, commandArguments, { cwd: directory, encoding: 'utf8' })
  if (result.status === 0) return result.stdout
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`
  throw new Error(`${command} ${commandArguments.join(' ')} failed\n${output}`)
}

function stage(directory) {
  for (const path of [...PACKED, ...NEEDED]) {
    cpSync(join(root, path), join(directory, path), { recursive: true, preserveTimestamps: true })
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
}

/** The path of a fresh tarball of what stands in `directory`. */
function pack(directory, destination) {
  mkdirSync(destination)
  run(directory, 'npm', 'pack', '--ignore-scripts', '--pack-destination', destination)
  return join(destination, readdirSync(destination)[0])
}

function lint(tarball) {
  const bin = (name) => join(root, 'node_modules/.bin', name)
  run(root, bin('publint'), 'run', tarball, '--strict')
  run(root, bin('attw'), tarball, '--profile', 'node16', '--no-emoji')
  console.log('ok     publint and attw find nothing')
}

/** An environment in which only node, npm and a shell are found. */
function withoutCompiler(directory) {
  mkdirSync(directory)
  symlinkSync(process.execPath, join(directory, 'node'))
  symlinkSync('/bin/sh', join(directory, 'sh'))
  const npm = run(root, 'sh', '-c', 'command -v npm').trim()
  symlinkSync(npm, join(directory, 'npm'))
  return { ...process.env, PATH: directory }
}

const work = mkdtempSync(join(tmpdir(), 'gyre-package-'))

function check(name, { tarball, env, options = [], expected }) {
  const consumer = new Consumer(join(work, name.replaceAll(' ', '-')), { root, env })
  consumer.install(tarball, ...options)
  consumer.compile()
  const { backend, reason } = consumer.run()
  if (backend !== expected) throw new Error(`${name}: ran on ${backend}: ${reason}`)
  console.log(`ok     ${name}: ${backend}`)
}

function main() {
  const staged = join(work, 'staged')
  stage(staged)
  const plain = pack(staged, join(work, 'plain'))
  lint(plain)
  const env = withoutCompiler(join(work, 'bin'))
  check('no binary and no compiler', { tarball: plain, env, expected: 'fallback' })
  const blocked = ['--ignore-scripts']
  check('no binary and no scripts', { tarball: plain, options: blocked, expected: 'fallback' })
  const obstacle = reasonNotToCompile(root)
  if (obstacle !== null) {
    console.log(`not checked: compiling on installation (${obstacle})`)
    return
  }
  check('no binary but a compiler', { tarball: plain, expected: 'native' })
  run(staged, process.execPath, 'scripts/build-prebuilt.mjs')
  const prebuilt = pack(staged, join(work, 'prebuilt'))
  check('a prebuilt binary and no scripts', {
    tarball: prebuilt,
    options: blocked,
    expected: 'native',
  })
}

try {
  main()
} catch (error) {
  console.error(`gyre: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(work, { recursive: true })
}

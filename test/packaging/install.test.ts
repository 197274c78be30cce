// npm's install script on machines that cannot compile: it says so in one line and succeeds. Each
// test installs into a directory of its own, which has no binary.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { root } from './repository.js'

/** A package with Gyre's install script and a binding.gyp whose source does not compile. */
function brokenPackage(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gyre-install-'))
  context.after(() => rmSync(directory, { recursive: true }))
  for (const path of ['package.json', 'scripts/install.mjs', 'scripts/native']) {
    cpSync(join(root, path), join(directory, path), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const target = { target_name: 'gyre', sources: ['broken.cc'] }
  writeFileSync(join(directory, 'binding.gyp'), JSON.stringify({ targets: [target] }))
  writeFileSync(join(directory, 'broken.cc'), '#error this does not compile\n')
  return directory
}

function install(directory: string, env: NodeJS.ProcessEnv) {
  // What the test run itself was told must not reach the installation: another binary, or more output.
  const { GYRE_PREBUILD, GYRE_INSTALL_VERBOSE, npm_config_loglevel, ...inherited } = process.env
  return spawnSync(process.execPath, ['scripts/install.mjs'], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  })
}

test('where there is no compiler the installation succeeds and says so in one line', (context) => {
  const directory = brokenPackage(context)
  const emptyPath = join(directory, 'empty')
  mkdirSync(emptyPath)
  const { status, stdout, stderr } = install(directory, { PATH: emptyPath })
  assert.equal(status, 0)
  assert.equal(stderr, '')
  assert.match(stdout, /^gyre: no native addon \(a C\+\+ compiler.* not found\): .*fallback.*\n$/)
})

test('where the compilation fails the installation succeeds and names the log', (context) => {
  const directory = brokenPackage(context)
  const { status, stdout, stderr } = install(directory, {})
  assert.equal(status, 0)
  assert.equal(stderr, '')
  assert.match(stdout, /^gyre: no native addon \(.*\): .*fallback.*\n$/)
})

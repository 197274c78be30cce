// A program that depends on Gyre, in a directory of its own: installs a tarball there as a user
// would, compiles an ES module and a CommonJS program against its types, and runs both.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Long enough to install and compile; a program that does not end is stopped then. */
const TIMEOUT_MS = 120_000

const BODY = `
const answer: number = await_(run(function* () {
  const [first, second] = yield* gather(sleep(1, 40), sleep(1, 'two'))
  return first + second.length - 1
}))
const ticks: string = await_(runVirtual(async () => {
  await sleep(3_600_000)
  return 'an hour'
}))
const { name: backend, reason } = backendInfo()
const bridge: string = typeof toDuplex
console.log(JSON.stringify({ answer, ticks, bridge, backend, reason }))
`

const ESM_PROGRAM = `import { backendInfo, gather, run, sleep } from 'gyre'
import { toDuplex } from 'gyre/node'
import { runVirtual } from 'gyre/testing'
${BODY.replaceAll('await_(', 'await (')}`

const CJS_PROGRAM = `import gyre = require('gyre')
import node = require('gyre/node')
import testing = require('gyre/testing')
const { backendInfo, gather, run, sleep } = gyre
const { toDuplex } = node
const { runVirtual } = testing
async function main(): Promise<void> {${BODY.replaceAll('await_(', 'await (')}}
void main()
`

function must(what, { status, stdout, stderr, error }) {
  if (status === 0) return stdout
  throw new Error(`${what} failed\n${stdout ?? ''}${stderr ?? ''}${error ?? ''}`)
}

export class Consumer {
  #directory
  #root
  #env

  /** `root` is Gyre's repository, whose compiler and declarations of Node are used. */
  constructor(directory, { root, env = process.env }) {
    this.#directory = directory
    this.#root = root
    this.#env = env
    const packageJson = { name: 'consumer', version: '1.0.0', private: true, type: 'module' }
    mkdirSync(directory, { recursive: true })
    this.#write('package.json', JSON.stringify(packageJson))
    this.#write('esm.mts', ESM_PROGRAM)
    this.#write('cjs.cts', CJS_PROGRAM)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      strict: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      rootDir: '.',
      outDir: 'out',
    }
    this.#write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['esm.mts', 'cjs.cts'] }))
  }

  #write(name, text) {
    writeFileSync(join(this.#directory, name), text)
  }

  #run(command, ...commandArguments) {
    const options = {
      cwd: this.#directory,
      encoding: 'utf8',
      env: this.#env,
      timeout: TIMEOUT_MS,
    }
    return spawnSync(command, commandArguments, options)
  }

  install(tarball, ...options) {
    must('npm install', this.#run('npm', 'install', '--no-audit', '--no-fund', ...options, tarball))
  }

  compile() {
    const tsc = createRequire(join(this.#root, 'package.json')).resolve('typescript/bin/tsc')
    must('tsc', this.#run(process.execPath, tsc, '-p', '.'))
  }

  /** Runs both programs and the command; returns the backend. Throws if they disagree or are wrong. */
  run() {
    const [esm, cjs] = ['out/esm.mjs', 'out/cjs.cjs'].map((path) =>
      JSON.parse(must(path, this.#run(process.execPath, path))),
    )
    for (const { answer, ticks, bridge } of [esm, cjs]) {
      const results = [answer, ticks, bridge].join()
      if (results !== '42,an hour,function') throw new Error(`wrong results: ${results}`)
    }
    if (esm.backend !== cjs.backend) throw new Error('import and require ran on different backends')
    const command = this.#run('node_modules/.bin/gyre', 'info', '--json')
    const { backend } = JSON.parse(must('gyre info', command))
    if (backend !== esm.backend) throw new Error(`the command ran on ${backend}`)
    return esm
  }
}

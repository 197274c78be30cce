// Which backend a loop gets: by the environment, by its options, and what is said when it cannot.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backendInfo, newEventLoop, run } from 'gyre'
import { runProgram } from '../program.js'

test('GYRE_BACKEND decides, and backendInfo says so', () => {
  const wanted = process.env.GYRE_BACKEND
  if (wanted !== undefined) assert.equal(backendInfo().name, wanted)
  assert.equal(backendInfo().poller, backendInfo().name === 'fallback' ? 'node' : 'epoll')
})

test('the options of a loop ask for a backend by name', async () => {
  const loop = newEventLoop({ backend: 'fallback' })
  assert.equal(await run(async () => 'ran', { loopFactory: () => loop }), 'ran')
})

test('a backend that does not exist is a TypeError that names both', async () => {
  // @ts-expect-error a backend that does not exist
  assert.throws(() => newEventLoop({ backend: 'quantum' }), {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: /'native' or 'fallback'.*'quantum'/,
  })
  const end = await runProgram(`
    import { backendInfo } from 'gyre'
    process.env.GYRE_BACKEND = 'quantum'
    try { backendInfo() } catch (error) { console.log(error.code, error.message) }
  `)
  assert.match(end.stdout, /^ERR_INVALID_ARG_TYPE .*GYRE_BACKEND.*'native' or 'fallback'/)
})

test('the fallback says why it is the fallback', async () => {
  const end = await runProgram(`
    process.env.GYRE_BACKEND = 'fallback'
    const { backendInfo } = await import('gyre')
    console.log(JSON.stringify(backendInfo()))
  `)
  const info = JSON.parse(end.stdout) as { name: string; reason: string }
  assert.equal(info.name, 'fallback')
  assert.match(info.reason, /GYRE_BACKEND=fallback/)
})

const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

/** Programs that may load no addon, whatever there is. */
const forbidding = {
  '--no-addons': ['--no-addons'],
  [PERMISSION]: [PERMISSION, '--allow-fs-read=*'],
}

for (const [name, flags] of Object.entries(forbidding)) {
  test(`under ${name} the fallback serves, and says why; to ask for native is an error`, async (context) => {
    const ask = `
      import { backendInfo, run, sleep } from 'gyre'
      delete process.env.GYRE_BACKEND
      const info = backendInfo()
      const result = await run(() => sleep(1, 'ran'))
      process.env.GYRE_BACKEND = 'native'
      let refusal = null
      try { backendInfo() } catch ({ name, message }) { refusal = { name, message } }
      console.log(JSON.stringify({ info, result, refusal }))
    `
    const free = JSON.parse((await runProgram(ask)).stdout)
    if (free.info.name !== 'native') return context.skip('there is no native binary here')
    const { stdout, stderr } = await runProgram(ask, flags)
    const { info, result, refusal } = JSON.parse(stdout || stderr)
    assert.equal(info.name, 'fallback')
    assert.match(info.reason, /may not load native binaries \(--no-addons, or --permission/)
    assert.equal(result, 'ran')
    assert.equal(refusal.name, 'NotSupportedError')
    assert.match(refusal.message, /native backend is not available: this process may not load/)
  })
}

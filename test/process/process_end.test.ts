// What becomes of child processes when their loop, their thread or their parent ends. Each test is a
// program of its own.

import assert from 'node:assert/strict'
import test from 'node:test'
import { runProgram } from '../lifetime/child_program.js'

const skip = process.platform === 'win32'

const preamble = `import { createSubprocessExec, createSubprocessShell, createTask, getRunningLoop,
  newEventLoop, PIPE, run, sleep } from 'gyre'
import { setTimeout as delay } from 'node:timers/promises'
/** Waits until a process is gone, and reaped. */
const gone = async (pid) => {
  for (;;) {
    try { process.kill(pid, 0) } catch (error) { return error.code }
    await delay(5)
  }
}
`

function program(name: string, text: string, expected: string): void {
  test(name, { skip }, async () => {
    const outcome = await runProgram(preamble + text)
    assert.deepEqual(outcome, { stdout: expected, stderr: '', code: 0, signal: null })
  })
}

program(
  'a process that still runs when run ends is killed, and reaped',
  `const options = { stdin: PIPE, stdout: PIPE, stderr: PIPE }
  const pids = []
  await run(async () => {
    pids.push((await createSubprocessExec('sleep', ['1000'], options)).pid)
    pids.push((await createSubprocessExec('sleep', ['1000'])).pid)
    pids.push((await createSubprocessExec('cat', ['/dev/zero'], { stdout: PIPE })).pid)
  })
  for (const pid of pids) console.log(await gone(pid))`,
  'ESRCH\nESRCH\nESRCH\n',
)

program(
  'a task that waits for a process when run ends is cancelled, and the process killed',
  `let pid
  await run(async () => {
    const child = await createSubprocessExec('sleep', ['1000'])
    pid = child.pid
    createTask(async () => {
      try { await child.wait() } catch (error) { console.log(error.name) }
    })
    await sleep(5)
  })
  console.log(await gone(pid))`,
  'CancelledError\nESRCH\n',
)

program(
  'a main that waits for a process alone is no deadlock',
  `console.log(await run(async () => {
    const child = await createSubprocessShell('sleep 0.1; exit 4')
    return await child.wait()
  }))`,
  '4\n',
)

program(
  'a process outside of run keeps ours alive until it has ended',
  `const child = await createSubprocessShell('sleep 0.05; echo heard', { stdout: PIPE })
  createTask(async () => console.log(String((await child.communicate())[0])))`,
  'heard\n\n',
)

program(
  'the process of a loop that stands still does not keep ours alive',
  `const loop = newEventLoop()
  const child = await loop.runUntilComplete(createTaskOn(loop))
  function createTaskOn(loop) { return () => createSubprocessExec('sleep', ['1000']) }
  process.on('exit', () => {
    console.log(child.returncode)
    process.kill(child.pid, 'SIGKILL')
  })`,
  'null\n',
)

program(
  'a process goes on while its loop stands still, and is heard of when the loop runs again',
  `const loop = newEventLoop()
  const child = await loop.runUntilComplete(() => createSubprocessShell('exit 6'))
  await delay(100)
  console.log(await loop.runUntilComplete(() => child.wait()))
  loop.close()`,
  '6\n',
)

program(
  'an exit that comes when the loop is closed disturbs nobody',
  `await run(async () => {
    await createSubprocessExec('sleep', ['0.05'], { stdin: PIPE, stdout: PIPE })
    const late = createSubprocessExec('sleep', ['0.05'], { stdout: PIPE, stderr: 'stdout' })
    late.cancel()
  })
  await delay(100)
  console.log('quiet')`,
  'quiet\n',
)

program(
  'a worker thread has processes of its own',
  `import { Worker } from 'node:worker_threads'
  const text = \`
    import { createSubprocessShell, PIPE, run } from 'gyre'
    const options = { stdin: PIPE, stdout: PIPE, stderr: 'stdout' }
    const output = await run(async () => {
      const child = await createSubprocessShell('tr a-z A-Z; exit 2', options)
      const { stdout } = await child.communicate('from a worker')
      return [String(stdout), child.returncode]
    })
    console.log(...output)\`
  await new Promise((resolve) => new Worker(text, { eval: true }).on('exit', resolve))`,
  'FROM A WORKER 2\n',
)

program(
  'a worker that is terminated with a process running ends without harm',
  `import { Worker } from 'node:worker_threads'
  const text = \`
    import { createSubprocessExec, run } from 'gyre'
    import { parentPort } from 'node:worker_threads'
    await run(async () => {
      const child = await createSubprocessExec('sleep', ['1000'])
      parentPort.postMessage(child.pid)
      await child.wait()
    })\`
  const worker = new Worker(text, { eval: true })
  const pid = await new Promise((resolve) => worker.on('message', resolve))
  await worker.terminate()
  process.kill(pid, 'SIGKILL')
  console.log('done')`,
  'done\n',
)

program(
  'under the virtual clock a process is waited for in real time',
  `import { runVirtual } from 'gyre/testing'
  console.log(await runVirtual(async () => {
    const child = await createSubprocessShell('sleep 0.05; echo real', { stdout: PIPE })
    const { stdout } = await child.communicate()
    return String(stdout).trim()
  }))`,
  'real\n',
)

// serve(): several workers on one port.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  backendInfo,
  createTask,
  type ExceptionContext,
  gather,
  getRunningLoop,
  isCancelled,
  openConnection,
  run,
  type ServeOptions,
  type ServerGroup,
  serve,
  sleep,
} from 'gyre'
import { runProgram } from '../lifetime/child_program.js'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'

const module = new URL('./workers.js', import.meta.url)
const host = '127.0.0.1'
const isNative = backendInfo().name === 'native'
const kinds = isNative ? (['processes', 'threads'] as const) : (['processes'] as const)
const options = { timeout: 60_000 }

/** Says one line to the group, and gives the answer. */
async function ask(port: number, line: string): Promise<string> {
  const { reader, writer } = await openConnection(host, port)
  try {
    writer.write(`${line}\n`)
    return (await reader.readline()).toString().trim()
  } finally {
    writer.close()
  }
}

/** Runs `body` with a group of two, and gives what was reported meanwhile. */
async function withGroup(
  name: string,
  serveOptions: ServeOptions,
  body: (group: ServerGroup) => Promise<void>,
): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = []
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
    const group = await serve({ module, name }, { workers: 2, host, ...serveOptions })
    try {
      await body(group)
    } finally {
      group.abort()
      await group.waitClosed()
    }
  })
  return reports
}

for (const kind of kinds) {
  test(
    `${kind}: several workers answer on one port, and end when they are told`,
    options,
    async () => {
      const reports = await withGroup('lines', { kind }, async (group) => {
        const seen = new Set<string>()
        for (let i = 0; seen.size < 2 && i < 500; i++) seen.add(await ask(group.port, 'who'))
        assert.equal(seen.size, 2)
        const pids = new Set([...seen].map((answer) => Number(answer.split(' ')[1])))
        assert.equal(pids.has(process.pid), kind === 'threads')
        assert.equal(group.workers.length, 2)
        group.close()
        await group.waitClosed()
        assert.deepEqual(group.workers, [])
        assert.equal(codeOf(await rejectionOf(openConnection(host, group.port))), 'ECONNREFUSED')
      })
      assert.deepEqual(reports, [])
    },
  )

  test(`${kind}: what is under way is finished when the group drains`, options, async () => {
    await withGroup('lines', { kind }, async (group) => {
      const pairs = await gather(Array.from({ length: 6 }, () => openConnection(host, group.port)))
      const nextLines = () => gather(pairs.map(({ reader }) => reader.readline()))
      for (const { writer } of pairs) writer.write('slow\n')
      assert.deepEqual((await nextLines()).map(String), Array(6).fill('begun\n'))
      group.close()
      assert.deepEqual((await nextLines()).map(String), Array(6).fill('slow\n'))
      for (const { writer } of pairs) writer.close()
      await group.waitClosed()
    })
  })

  test(`${kind}: a worker that dies is reported and replaced`, options, async () => {
    const reports = await withGroup('lines', { kind }, async (group) => {
      const before = group.workers.map(({ pid }) => pid)
      await rejectionOf(
        ask(group.port, 'die').then((answer) => {
          if (answer === '') throw new Error('ended')
        }),
      )
      while (group.workers.every(({ restarts }) => restarts === 0)) await sleep(5)
      while (group.workers.length < 2) await sleep(5)
      assert.equal(group.workers.filter(({ pid }) => !before.includes(pid)).length, 1)
      for (let i = 0; i < 20; i++) assert.equal(await ask(group.port, 'hello'), 'hello')
    })
    assert.deepEqual(
      reports.map(({ message, exception }) => [message, codeOf(exception)]),
      [['A server worker died', 'ERR_WORKER_DIED']],
    )
  })

  test(`${kind}: an error outside of its tasks ends a worker alone`, options, async () => {
    const reports = await withGroup('lines', { kind, workers: 1 }, async (group) => {
      await ask(group.port, 'throw').catch(() => '')
      while (group.workers[0]?.restarts !== 1) await sleep(5)
      while ((await ask(group.port, 'again').catch(() => '')) !== 'again') await sleep(5)
    })
    assert.equal(reports.length, 1)
    if (kind === 'threads') assert.match(String(messageOf(reports[0]?.exception)), /thrown in a/)
  })

  test(`${kind}: protocols serve as well`, options, async () => {
    await withGroup('shouting', { kind }, async (group) => {
      assert.equal(await ask(group.port, 'quiet'), 'QUIET')
    })
  })

  test(`${kind}: a group whose workers all return is over`, options, async () => {
    const reports = await withGroup('untilTold', { kind, workers: 1 }, async (group) => {
      const serving = createTask(group.serveForever())
      await ask(group.port, 'enough')
      await serving
      assert.deepEqual(group.workers, [])
    })
    assert.deepEqual(reports, [])
  })

  test(`${kind}: cancelling serveForever drains`, options, async () => {
    await withGroup('lines', { kind }, async (group) => {
      const serving = createTask(group.serveForever())
      await sleep(10)
      serving.cancel()
      assert.ok(isCancelled(await rejectionOf(serving)))
      assert.deepEqual(group.workers, [])
    })
  })

  test(`${kind}: what fails before it listens fails serve`, options, async () => {
    const failure = async (name: string, more: object = {}) =>
      await rejectionOf(withGroup(name, { kind, ...more }, async () => {}))
    const thrown = await failure('fails')
    assert.ok(thrown instanceof RangeError)
    assert.match(String(messageOf(thrown)), /no database/)
    assert.match(String(messageOf(await failure('neverListens'))), /returned before it listened/)
    assert.equal(codeOf(await failure('nothingThere')), 'ERR_JOB_MODULE')
  })

  test(`${kind}: graceMs bounds how long a worker may take`, options, async () => {
    await withGroup('stubborn', { kind, workers: 1, graceMs: 50 }, async (group) => {
      group.close()
      await group.waitClosed()
      assert.deepEqual(group.workers, [])
    })
  })

  test(
    `${kind}: one that dies again and again is started after longer pauses`,
    options,
    async () => {
      const reports = await withGroup('mayfly', { kind, workers: 1 }, async (group) => {
        const starts: number[] = []
        for (let seen = 0; seen < 4; ) {
          const restarts = group.workers[0]?.restarts ?? seen
          if (restarts > seen) {
            starts.push(performance.now())
            seen = restarts
          }
          await sleep(2)
        }
        const pauses = starts.slice(1).map((at, i) => at - (starts[i] as number))
        assert.ok((pauses[1] as number) > 150, `${pauses}`)
      })
      assert.ok(reports.length >= 4)
    },
  )
}

test('a worker that cannot be started anew is tried again', options, async () => {
  const reports = await withGroup('lines', { workers: 1 }, async (group) => {
    const before = group.workers[0]!.pid
    // More than the system gives to a new process.
    process.env.LARGE = 'x'.repeat(1 << 20)
    try {
      process.kill(before, 'SIGKILL')
      while (group.workers.length > 0) await sleep(5)
      await sleep(50)
      assert.deepEqual(group.workers, [])
    } finally {
      delete process.env.LARGE
    }
    // It is there before it listens.
    while (!/^1 \d+/.test(await ask(group.port, 'who').catch(String))) await sleep(5)
  })
  const [first, ...others] = reports.map(({ exception }) => messageOf(exception))
  assert.match(String(first), /was ended by SIGKILL/)
  assert.ok(others.length > 0)
  for (const other of others) assert.match(String(other), /spawn E2BIG/)
})

test('of several workers that fail before they listen one is told of', options, async () => {
  const reports: string[] = []
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, { message }) => reports.push(message))
    const error = await rejectionOf(
      serve({ module, name: 'failInTurn' }, { workers: 2, host, port: 1 }),
    )
    assert.equal(messageOf(error), 'worker 1 fails')
  })
  assert.deepEqual(reports, [])
})

test('a port that is taken fails serve', options, async () => {
  await withGroup('lines', { workers: 1 }, async (group) => {
    const { createServer } = await import('node:net')
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, host, resolve))
    const { port } = other.address() as { port: number }
    const error = await rejectionOf(serve({ module, name: 'lines' }, { workers: 2, host, port }))
    assert.equal(codeOf(error), 'EADDRINUSE')
    other.close()
    assert.equal(await ask(group.port, 'unharmed'), 'unharmed')
  })
})

test('SIGTERM drains a group, and the program ends', options, async () => {
  const { stdout, code, signal } = await runProgram(
    `
    import { openConnection, run, serve, createTask } from 'gyre'
    await run(async () => {
      const group = await serve({ module: ${JSON.stringify(module.href)}, name: 'lines' },
        { workers: 2, host: '127.0.0.1' })
      createTask(async () => {
        const { reader, writer } = await openConnection('127.0.0.1', group.port)
        writer.write('slow\\n')
        console.log(String(await reader.readline()).trim())
        console.log(String(await reader.readline()).trim())
        writer.close()
      })
      await group.serveForever()
      console.log('over')
    })`,
    {
      onPrinted: (printed, child) => {
        if (printed === 'begun\n') child.kill('SIGTERM')
      },
    },
  )
  assert.deepEqual([stdout, code, signal], ['begun\nslow\nover\n', 0, null])
})

test('workers end with the loop, where nobody has closed the group', options, async () => {
  const { stdout, stderr, code } = await runProgram(`
    import { run, serve } from 'gyre'
    await run(async () => {
      await serve({ module: ${JSON.stringify(module.href)}, name: 'lines' },
        { workers: 2, host: '127.0.0.1' })
    })
    console.log('over')`)
  assert.deepEqual([stdout, stderr, code], ['over\n', '', 0])
})

test('workers end with a program that is killed, and have nothing to say', options, async () => {
  const pids: number[] = []
  const killed = await rejectionOf(
    runProgram(
      `
    import { run, serve } from 'gyre'
    await run(async () => {
      const group = await serve({ module: ${JSON.stringify(module.href)}, name: 'lines' },
        { workers: 2, host: '127.0.0.1' })
      console.log(group.workers.map(({ pid }) => pid).join(' '))
      await group.serveForever()
    })`,
      {
        onPrinted: (printed, child) => {
          if (!printed.endsWith('\n')) return
          pids.push(...printed.trim().split(' ').map(Number))
          child.kill('SIGKILL')
        },
      },
    ),
  )
  assert.equal(pids.length, 2)
  assert.match(String(messageOf(killed)), /"stderr":""/)
  const isThere = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  const endMs = performance.now() + 20_000
  while (pids.some(isThere) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.deepEqual(pids.filter(isThere), [])
})

test('bad arguments are refused at the call', async () => {
  const refused = (main: unknown, more: object = {}) =>
    codeOf(thrownBy(() => serve(main as never, more)))
  assert.equal(refused({ module: './nope.js' }), 'ERR_JOB_MODULE')
  assert.equal(
    refused(() => 1),
    'ERR_INVALID_ARG_TYPE',
  )
  assert.equal(refused({ module }, { workers: 0 }), 'ERR_OUT_OF_RANGE')
  assert.equal(refused({ module }, { kind: 'fibers' }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(refused({ module }, { port: 70_000 }), 'ERR_OUT_OF_RANGE')
  assert.equal(refused({ module }, { graceMs: -1 }), 'ERR_OUT_OF_RANGE')
  assert.equal(refused({ module }, { backlog: 0 }), 'ERR_OUT_OF_RANGE')
  assert.equal(
    isNative ? 'ERR_NOT_SUPPORTED' : refused({ module }, { kind: 'threads' }),
    'ERR_NOT_SUPPORTED',
  )
})

// Every operation of a ServerGroup in every state that it and its workers can be in. A group is there when
// all of its workers listen; `starting` is what comes before, for who holds the future of it.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  backendInfo,
  createTask,
  type Future,
  getRunningLoop,
  openConnection,
  run,
  type ServeOptions,
  type ServerGroup,
  type StreamWriter,
  serve,
  sleep,
} from 'gyre'
import { codeOf } from '../thrown.js'
import { futureOutcomeOf } from './matrix.js'

const module = new URL('../serve/workers.js', import.meta.url)
const host = '127.0.0.1'
const kinds = backendInfo().name === 'native' ? ['processes', 'threads'] : ['processes']
const PENDING_MS = 8_000

interface Setting {
  readonly group: ServerGroup
  /** A connection that holds up the draining until it is closed, where there is one. */
  readonly held: StreamWriter | null
}

async function lineTo(port: number, line: string): Promise<StreamWriter> {
  const { reader, writer } = await openConnection(host, port)
  writer.write(`${line}\n`)
  await reader.read(1)
  return writer
}

async function untilRefused(port: number): Promise<void> {
  for (;;) {
    try {
      const { writer } = await openConnection(host, port)
      writer.close()
    } catch (error) {
      if (codeOf(error) === 'ECONNREFUSED') return
      // What waited to be accepted when the last listener closed.
      assert.equal(codeOf(error), 'ECONNRESET')
    }
    await sleep(10)
  }
}

/** Brings a group that serves into a state. */
const STATES: Record<string, (group: ServerGroup) => Promise<StreamWriter | null>> = {
  serving: async () => null,
  draining: async (group) => {
    const held = await lineTo(group.port, 'hello')
    group.close()
    await untilRefused(group.port)
    return held
  },
  stopped: async (group) => {
    group.close()
    await group.waitClosed()
    return null
  },
  aborted: async (group) => {
    group.abort()
    await group.waitClosed()
    return null
  },
  'without its worker, which died': async (group) => {
    await lineTo(group.port, 'die')
    while (group.workers.length > 0 && group.workers[0]?.restarts === 0) await sleep(1)
    return null
  },
}

/** What is asked of it; `over` lets go of what holds it up. */
const OPERATIONS: Record<string, (setting: Setting) => unknown> = {
  connect: async ({ group }) => {
    // The worker that takes the place of a dead one listens soon, if one does.
    for (let tries = 0; ; tries++) {
      try {
        const writer = await lineTo(group.port, 'hello')
        writer.close()
        return 'answered'
      } catch (error) {
        if (tries === 120 || group.workers.length === 0) throw error
        await sleep(50)
      }
    }
  },
  workers: async ({ group }) => group.workers.map(({ id }) => id).join(' '),
  close: async ({ group }) => group.close(),
  'close and wait': async ({ group, held }) => {
    group.close()
    held?.close()
    await group.waitClosed()
    return group.workers.length
  },
  'abort and wait': async ({ group }) => {
    group.abort()
    await group.waitClosed()
    return group.workers.length
  },
  waitClosed: async ({ group }) => await group.waitClosed(),
  'serve for ever': async ({ group }) => await group.serveForever(),
  'cancel serveForever': async ({ group, held }) => {
    const serving = createTask(group.serveForever())
    await sleep(0)
    serving.cancel()
    held?.close()
    await serving
  },
}

const ENDED = 'undefined'
const LIVE = ['answered', '1', ENDED, '0', '0', 'pending', 'pending', 'rejects ERR_CANCELLED']
const OVER = ['rejects ECONNREFUSED', '', ENDED, '0', '0', ENDED, ENDED, ENDED]

/** By columns: the operations, in their order. */
const TABLE: Record<string, string[]> = {
  serving: LIVE,
  draining: [
    ...['rejects ECONNREFUSED', '1', ENDED, '0', '0', 'pending', 'pending'],
    'rejects ERR_CANCELLED',
  ],
  stopped: OVER,
  aborted: OVER,
  'without its worker, which died': LIVE,
}

function startGroup(kind: string): Future<ServerGroup> {
  const options = { workers: 1, host, kind, graceMs: 20_000 } as ServeOptions
  return serve({ module, name: 'lines' }, options)
}

async function cell(
  kind: string,
  bring: (group: ServerGroup) => Promise<StreamWriter | null>,
  operate: (setting: Setting) => unknown,
): Promise<string> {
  const group = await startGroup(kind)
  const held = await bring(group)
  try {
    return await futureOutcomeOf(() => operate({ group, held }), PENDING_MS)
  } finally {
    group.abort()
    held?.close()
    await group.waitClosed()
    assert.deepEqual(group.workers, [])
  }
}

for (const kind of kinds) {
  for (const [state, bring] of Object.entries(STATES)) {
    test(`${kind}: each operation of a group that is ${state} does what the table says`, {
      timeout: 60_000,
    }, async () => {
      await run(async () => {
        getRunningLoop().setExceptionHandler(() => {})
        const operations = Object.values(OPERATIONS)
        const cells = operations.map((operate) => cell(kind, bring, operate))
        assert.deepEqual(await Promise.all(cells), TABLE[state])
      })
    })
  }

  test(`${kind}: a group that is cancelled while it starts leaves no worker`, {
    timeout: 60_000,
  }, async () => {
    await run(async () => {
      for (const delayMs of [0, 1, 20, 60]) {
        const task = createTask(async () => await startGroup(kind))
        await sleep(delayMs)
        if (task.cancel()) {
          assert.equal(await futureOutcomeOf(() => task, 20_000), 'rejects ERR_CANCELLED')
        } else {
          assert.notEqual(delayMs, 0)
          ;(await task).abort()
        }
      }
    })
    // The end of `run` and of this test is the proof: a worker that is left holds the process.
  })
}

// Every operation of a server in every state it can be in: what it gives or throws, and whether the
// server serves afterwards.

import assert from 'node:assert/strict'
import { type Coroutine, createTask, gather, getRunningLoop, type Server, sleep } from 'gyre'
import { testOnLoop } from '../net/on_loop.js'

type State = 'bound' | 'serving' | 'awaited' | 'closed'

/** How a server gets into each state. */
function* serverIn(state: State): Coroutine<Server> {
  const loop = getRunningLoop()
  const startServing = state !== 'bound'
  const server = yield* loop.createServer(() => ({}), { host: '127.0.0.1', startServing })
  if (state === 'awaited') {
    createTask(server.serveForever()).catch(() => {})
    yield* sleep(1)
  }
  if (state === 'closed') server.close()
  return server
}

interface Cell {
  /** The code that it throws; nothing if it gives something. */
  code?: string
  /** Whether it is still waiting after a while. */
  waits?: boolean
  serves: boolean
}

const operations: Record<string, { act: (server: Server) => unknown; cells: Record<State, Cell> }> =
  {
    startServing: {
      act: (server) => server.startServing(),
      cells: {
        bound: { serves: true },
        serving: { serves: true },
        awaited: { serves: true },
        closed: { code: 'ERR_SERVER_CLOSED', serves: false },
      },
    },
    serveForever: {
      act: (server) => server.serveForever(),
      cells: {
        bound: { waits: true, serves: true },
        serving: { waits: true, serves: true },
        awaited: { code: 'ERR_SERVING', serves: true },
        closed: { code: 'ERR_SERVER_CLOSED', serves: false },
      },
    },
    waitClosed: {
      act: (server) => server.waitClosed(),
      cells: {
        bound: { waits: true, serves: false },
        serving: { waits: true, serves: true },
        awaited: { waits: true, serves: true },
        closed: { serves: false },
      },
    },
    close: {
      act: (server) => server.close(),
      cells: {
        bound: { serves: false },
        serving: { serves: false },
        awaited: { serves: false },
        closed: { serves: false },
      },
    },
    closeClients: { act: (server) => server.closeClients(), cells: unchanged() },
    abortClients: { act: (server) => server.abortClients(), cells: unchanged() },
    sockets: { act: (server) => server.sockets, cells: unchanged() },
    getLoop: { act: (server) => server.getLoop(), cells: unchanged() },
  }

function unchanged(): Record<State, Cell> {
  return {
    bound: { serves: false },
    serving: { serves: true },
    awaited: { serves: true },
    closed: { serves: false },
  }
}

/** Does it, waits a while if there is something to wait for, and says what came of it. */
function* outcomeOf(server: Server, act: (server: Server) => unknown): Coroutine<Cell> {
  const task = createTask(function* () {
    const given = act(server)
    if (typeof (given as PromiseLike<unknown>)?.then === 'function') {
      yield* given as ReturnType<Server['waitClosed']>
    }
  })
  for (let turn = 0; turn < 20; turn++) yield* sleep(0)
  const serves = server.isServing()
  if (!task.done()) {
    task.cancel()
    yield* gather([task], { returnExceptions: true })
    return { waits: true, serves }
  }
  const error = task.exception() as NodeJS.ErrnoException | null
  return error === null ? { serves } : { code: String(error.code), serves }
}

for (const [name, { act, cells }] of Object.entries(operations)) {
  for (const [state, cell] of Object.entries(cells) as [State, Cell][]) {
    testOnLoop(`${name} of a server that is ${state}`, function* () {
      const server = yield* serverIn(state)
      assert.deepEqual(yield* outcomeOf(server, act), cell)
      server.close()
      yield* server.waitClosed()
      assert.deepEqual(server.sockets, [])
    })
  }
}

// Every operation of a child's transport in every state it can be in: what it throws, what the
// transport says of itself afterwards, and that the protocol is told of the end once, last, and never
// from inside.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Coroutine,
  Future,
  getRunningLoop,
  newEventLoop,
  PIPE,
  type SubprocessOptions,
  type SubprocessProtocol,
  type SubprocessTransport,
  sleep,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'

const NO_PIPES: SubprocessOptions = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' }
const PIPES: SubprocessOptions = { stdin: PIPE, stdout: PIPE, stderr: PIPE }
const UNSENT_BYTES = 4 * 1024 * 1024

/** Writes down what it is told, and what of it came from inside a call to the transport. */
class Witness implements SubprocessProtocol {
  readonly calls: string[] = []
  readonly nested: string[] = []
  readonly exited = new Future<void>()
  readonly over = new Future<void>()
  readonly inputOver = new Future<void>()
  transport!: SubprocessTransport
  output = ''
  isInside = false

  connectionMade(transport: SubprocessTransport): void {
    this.transport = transport
    this.note('connectionMade')
  }

  pipeDataReceived(fd: number, data: Buffer): void {
    this.note(`pipeDataReceived ${fd}`)
    this.output += data
  }

  pipeConnectionLost(fd: number): void {
    this.note(`pipeConnectionLost ${fd}`)
    if (fd === 0) this.inputOver.setResult(undefined)
  }

  processExited(): void {
    this.note('processExited')
    this.exited.setResult(undefined)
  }

  connectionLost(error: Error | null): void {
    this.note('connectionLost')
    assert.equal(error, null)
    this.over.setResult(undefined)
  }

  inside<T>(act: () => T): T {
    this.isInside = true
    try {
      return act()
    } finally {
      this.isInside = false
    }
  }

  private note(call: string): void {
    this.calls.push(call)
    if (this.isInside) this.nested.push(call)
  }
}

interface State {
  returncode: number | null
  isClosing: boolean
  /** Whether the child was started with pipes. */
  isPiped: boolean
}

const RUNNING: State = { returncode: null, isClosing: false, isPiped: true }

interface Entry {
  state: State
  command: string
  enter: (child: Witness) => Coroutine<void>
}

const WAITS = 'exec sleep 1000'

const states: Record<string, Entry> = {
  'a child that runs': { state: RUNNING, command: WAITS, enter: function* () {} },
  'a child without pipes': {
    state: { ...RUNNING, isPiped: false },
    command: WAITS,
    enter: function* () {},
  },
  'a child with unsent input': {
    state: RUNNING,
    command: WAITS,
    enter: function* ({ transport }) {
      transport.getPipeTransport(0)!.write(Buffer.alloc(UNSENT_BYTES))
    },
  },
  'a child whose stdin was closed just now': {
    state: RUNNING,
    command: WAITS,
    enter: function* ({ transport }) {
      transport.getPipeTransport(0)!.close()
    },
  },
  'a child whose stdin is over': {
    state: RUNNING,
    command: WAITS,
    enter: function* ({ transport, inputOver }) {
      transport.getPipeTransport(0)!.writeEof()
      yield* inputOver
    },
  },
  'a child that was killed just now': {
    state: RUNNING,
    command: WAITS,
    enter: function* ({ transport }) {
      transport.kill()
    },
  },
  'a child that has exited with output unread': {
    state: { ...RUNNING, returncode: 3 },
    command: 'echo unread; exit 3',
    enter: function* ({ transport, exited, calls }) {
      transport.getPipeTransport(1)!.pauseReading()
      yield* exited
      assert.ok(!calls.includes('connectionLost'))
    },
  },
  'a child that a signal ended': {
    state: { ...RUNNING, returncode: -15, isClosing: true },
    command: WAITS,
    enter: function* ({ transport, over }) {
      transport.terminate()
      yield* over
    },
  },
  'a child that has exited': {
    state: { ...RUNNING, returncode: 5, isClosing: true },
    command: 'exit 5',
    enter: function* ({ over }) {
      yield* over
    },
  },
  'a transport that was closed just now': {
    state: { ...RUNNING, isClosing: true },
    command: WAITS,
    enter: function* ({ transport }) {
      transport.close()
    },
  },
  'a transport that was closed, and is over': {
    state: { ...RUNNING, returncode: -9, isClosing: true },
    command: WAITS,
    enter: function* ({ transport, over }) {
      transport.close()
      yield* over
    },
  },
}

interface Operation {
  act: (transport: SubprocessTransport, state: State) => unknown
  /** The code of what it throws. */
  refusal?: (state: State) => string | undefined
  closes?: boolean
}

/** Nobody is there any more to get a signal. */
const GONE = ({ returncode }: State) => (returncode === null ? undefined : 'ESRCH')

const operations: Record<string, Operation> = {
  terminate: { act: (to) => to.terminate(), refusal: GONE },
  kill: { act: (to) => to.kill(), refusal: GONE },
  'sendSignal by name': { act: (to) => to.sendSignal('SIGCONT'), refusal: GONE },
  'sendSignal by number': { act: (to) => to.sendSignal(18), refusal: GONE },
  'sendSignal of no signal': {
    act: (to) => to.sendSignal('SIGNONE' as NodeJS.Signals),
    refusal: () => 'ERR_OUT_OF_RANGE',
  },
  close: { act: (to) => to.close(), closes: true },
  'close twice': {
    act: (to) => {
      to.close()
      to.close()
    },
    closes: true,
  },
  getPid: { act: (to) => assert.ok(Number.isInteger(to.getPid()) && to.getPid() > 1) },
  'getPipeTransport of its pipes': {
    act: (to, { isPiped }) => {
      for (const fd of [0, 1, 2]) {
        const pipe = to.getPipeTransport(fd)
        assert.equal(pipe !== null, isPiped)
        assert.equal(pipe, to.getPipeTransport(fd))
        assert.equal(pipe?.canWriteEof(), isPiped ? fd === 0 : undefined)
      }
    },
  },
  'getPipeTransport of no pipe': { act: (to) => assert.equal(to.getPipeTransport(3), null) },
  'setProtocol to the same': { act: (to) => to.setProtocol(to.getProtocol()) },
  'setProtocol to nothing': {
    act: (to) => to.setProtocol(null as never),
    refusal: () => 'ERR_INVALID_ARG_TYPE',
  },
  'write to its stdin': { act: (to) => to.getPipeTransport(0)?.write('text') },
  'writeEof to its stdin': { act: (to) => to.getPipeTransport(0)?.writeEof() },
  'resumeReading of its stdin': {
    act: (to) => {
      to.getPipeTransport(0)?.resumeReading()
      assert.notEqual(to.getPipeTransport(0)?.isReading(), true)
    },
  },
  'write to its stdout': {
    act: (to) => to.getPipeTransport(1)?.write('text'),
    refusal: ({ isPiped }) => (isPiped ? 'ERR_READ_ONLY_PIPE' : undefined),
  },
  'writeEof to its stderr': {
    act: (to) => to.getPipeTransport(2)?.writeEof(),
    refusal: ({ isPiped }) => (isPiped ? 'ERR_READ_ONLY_PIPE' : undefined),
  },
  'abort of all its pipes': {
    act: (to) => {
      for (const fd of [0, 1, 2]) to.getPipeTransport(fd)?.abort()
    },
  },
}

function* start({ command, state: { isPiped } }: Entry): Coroutine<Witness> {
  const options = isPiped ? PIPES : NO_PIPES
  const loop = getRunningLoop()
  const { protocol } = yield* loop.subprocessShell(() => new Witness(), command, options)
  return protocol
}

function checkOrder({ calls }: Witness, { isPiped }: State): void {
  assert.equal(calls[0], 'connectionMade')
  assert.equal(calls.at(-1), 'connectionLost')
  const ends = ['connectionMade', 'connectionLost', 'processExited']
  for (const call of ends) assert.equal(calls.filter((other) => other === call).length, 1, call)
  for (const fd of [0, 1, 2]) {
    const losses = calls.filter((call) => call === `pipeConnectionLost ${fd}`)
    assert.equal(losses.length, isPiped ? 1 : 0, `the end of ${fd}`)
  }
}

for (const [stateName, entry] of Object.entries(states)) {
  const { state, enter } = entry
  for (const [name, { act, refusal, closes = false }] of Object.entries(operations)) {
    testOnLoop(`${name} on ${stateName}`, function* () {
      const child = yield* start(entry)
      const { transport } = child
      yield* enter(child)
      const code = refusal?.(state)
      const run = () => child.inside(() => act(transport, state))
      if (code === undefined) run()
      else assert.throws(run, { code })
      assert.deepEqual(child.nested, [])
      assert.equal(transport.isClosing(), state.isClosing || closes)
      assert.equal(transport.getReturncode(), state.returncode)
      transport.close()
      yield* child.over
      yield* sleep(0)
      checkOrder(child, state)
      assert.notEqual(transport.getReturncode(), null)
      assert.throws(() => process.kill(transport.getPid(), 0), { code: 'ESRCH' })
    })
  }

  test(`the loop of ${stateName} is closed`, async () => {
    const loop = newEventLoop()
    const child = await loop.runUntilComplete(function* () {
      const child = yield* start(entry)
      yield* enter(child)
      return child
    })
    loop.close()
    const { transport, calls } = child
    const told = calls.length
    assert.equal(transport.isClosing(), true)
    assert.equal(transport.getReturncode(), state.returncode)
    transport.close()
    for (const fd of [0, 1, 2]) {
      const pipe = transport.getPipeTransport(fd)
      pipe?.close()
      pipe?.abort()
    }
    // Node reaps what was killed, in its own time.
    while (isThere(transport.getPid())) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.throws(() => transport.kill(), { code: 'ESRCH' })
    assert.equal(calls.length, told, 'nobody is told of anything')
  })
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

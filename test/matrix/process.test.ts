// Every operation of a Process in every state it can be in: what it gives or throws, and that the
// child is gone and reaped in the end.

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  type Coro,
  type Coroutine,
  createSubprocessShell,
  createTask,
  DEVNULL,
  gather,
  PIPE,
  type Process,
  sleep,
  wait,
  wrap,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { codeOf } from '../thrown.js'

const UNSENT_BYTES = 1024 * 1024
const PIPES = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const
const NO_PIPES = { stdin: DEVNULL, stdout: DEVNULL, stderr: DEVNULL } as const

interface State {
  command: string
  isPiped?: boolean
  enter: (child: Process) => Coroutine<void>
  /** Whether it is known to have exited. */
  hasExited?: boolean
  /** How it ends if it is left alone and its stdin is closed. */
  returncode: number
  /** How much it writes to stdout then; and how much of it, if it is given five bytes more. */
  outputBytes: number
  outputBytesOfFive: number
}

/** A child that gives back what it is given, and ends with its stdin. */
const CAT = { command: 'exec cat', returncode: 0, outputBytes: 0, outputBytesOfFive: 5 }

const states: Record<string, State> = {
  'a process that runs': { ...CAT, enter: function* () {} },
  'a process without pipes': {
    ...CAT,
    isPiped: false,
    command: 'exec sleep 0.02',
    enter: function* () {},
  },
  'a process with unsent input': {
    ...CAT,
    outputBytes: UNSENT_BYTES,
    outputBytesOfFive: UNSENT_BYTES + 5,
    enter: function* ({ stdin }) {
      stdin!.write(Buffer.alloc(UNSENT_BYTES))
    },
  },
  'a process whose stdin was closed just now': {
    ...CAT,
    outputBytesOfFive: 0,
    enter: function* ({ stdin }) {
      stdin!.close()
    },
  },
  'a process whose stdin has ended behind input': {
    ...CAT,
    outputBytes: UNSENT_BYTES,
    outputBytesOfFive: UNSENT_BYTES,
    enter: function* ({ stdin }) {
      stdin!.write(Buffer.alloc(UNSENT_BYTES))
      stdin!.writeEof()
    },
  },
  'a process that was killed just now': {
    ...CAT,
    returncode: -9,
    outputBytesOfFive: 0,
    enter: function* (child) {
      child.kill()
    },
  },
  'a process that has exited with output unread': {
    command: 'echo unread; exit 3',
    returncode: 3,
    outputBytes: 7,
    outputBytesOfFive: 7,
    hasExited: true,
    enter: function* (child) {
      assert.equal(yield* child.wait(), 3)
    },
  },
  'a process that has exited, and all was read': {
    ...CAT,
    outputBytesOfFive: 0,
    hasExited: true,
    enter: function* (child) {
      const { stdout } = yield* child.communicate('read')
      assert.equal(String(stdout), 'read')
    },
  },
  'a process that was disposed of': {
    ...CAT,
    returncode: -9,
    outputBytesOfFive: 0,
    hasExited: true,
    enter: function* (child) {
      yield* wrap(child[Symbol.asyncDispose]())
    },
  },
}

const isPipedIn = ({ isPiped = true }: State) => isPiped

/** Waits while somebody kills the child, unless that has exited. */
function* whileKilled<T>(child: Process, waiting: Coro<T>): Coroutine<T> {
  const task = createTask(waiting)
  yield* sleep(0)
  if (child.returncode === null) child.kill()
  return yield* task
}

/** Begins to wait, and cancels that; the child has nothing of it. */
function* cancelled(child: Process, waiting: Coro<unknown>): Coroutine<void> {
  const before = child.returncode
  const task = createTask(waiting)
  yield* sleep(0)
  task.cancel()
  yield* wait([task])
  if (before === null) assert.equal(task.cancelled(), true)
  // What has exited is waited for without a pause: there is nothing left to cancel.
  else assert.equal(task.exception(), null)
  assert.equal(child.returncode, before)
}

function checkSignals(act: () => void, { hasExited }: State): void {
  if (hasExited) assert.throws(act, { code: 'ESRCH', syscall: 'kill' })
  else act()
}

const operations: Record<string, (child: Process, state: State) => Coroutine<void>> = {
  wait: function* (child) {
    const returncode = yield* whileKilled(child, child.wait())
    assert.equal(returncode, child.returncode)
  },
  'wait of two': function* (child) {
    const codes = yield* whileKilled(child, gather(child.wait(), child.wait()))
    assert.deepEqual(codes, [child.returncode, child.returncode])
  },
  'a wait that is cancelled': function* (child) {
    yield* cancelled(child, child.wait())
  },
  communicate: function* (child, state) {
    const { stdout, stderr } = yield* child.communicate()
    assert.equal(child.returncode, state.returncode)
    assert.equal(stdout?.length, isPipedIn(state) ? state.outputBytes : undefined)
    assert.equal(stderr?.length, isPipedIn(state) ? 0 : undefined)
  },
  'communicate with input': function* (child, state) {
    if (!isPipedIn(state)) {
      assert.throws(() => child.communicate('input'), { code: 'ERR_STDIN_NOT_PIPED' })
      return
    }
    const { stdout } = yield* child.communicate('input')
    assert.equal(child.returncode, state.returncode)
    assert.equal(stdout?.length, state.outputBytesOfFive)
  },
  'communicate again': function* (child, state) {
    yield* child.communicate()
    const { stdout } = yield* child.communicate()
    assert.equal(stdout?.length, isPipedIn(state) ? 0 : undefined)
  },
  'communicate with no data': function* (child) {
    assert.throws(() => child.communicate(5 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  },
  terminate: function* (child, state) {
    checkSignals(() => child.terminate(), state)
  },
  kill: function* (child, state) {
    checkSignals(() => child.kill(), state)
  },
  sendSignal: function* (child, state) {
    checkSignals(() => child.sendSignal('SIGCONT'), state)
    assert.throws(() => child.sendSignal('SIGNONE' as NodeJS.Signals), {
      code: 'ERR_OUT_OF_RANGE',
    })
  },
  'a write and a drain of stdin': function* ({ stdin }, { hasExited, returncode, outputBytes }) {
    if (stdin === null) return
    const isClosed = stdin.isClosing()
    stdin.write('text')
    // Nobody reads what the child gives back of this.
    if (outputBytes === UNSENT_BYTES) return
    const [error] = yield* gather([stdin.drain()], { returnExceptions: true })
    // A child that is killed may go before the write or after it.
    if (isClosed) assert.equal(codeOf(error), 'ECONNRESET')
    else if (hasExited || returncode === -9) {
      assert.ok(error === undefined || /^(EPIPE|ECONNRESET)$/.test(String(codeOf(error))))
    } else assert.equal(error, undefined)
  },
  'close of stdin, twice': function* ({ stdin }, state) {
    stdin?.close()
    stdin?.close()
    assert.equal(stdin?.isClosing(), isPipedIn(state) ? true : undefined)
  },
  'the end of its outputs': function* (child, state) {
    child.stdin?.close()
    const [stdout, stderr] = yield* gather([
      child.stdout?.read() ?? sleep(0, null),
      child.stderr?.read() ?? sleep(0, null),
    ])
    assert.equal(stdout?.length, isPipedIn(state) ? state.outputBytes : undefined)
    assert.equal(stderr?.length, isPipedIn(state) ? 0 : undefined)
  },
  'being printed': function* (child, state) {
    const end = state.hasExited ? ` returncode=${state.returncode}` : ''
    assert.equal(inspect(child), `<Process ${child.pid}${end}>`)
  },
  'disposing twice at once': function* (child) {
    yield* gather(wrap(child[Symbol.asyncDispose]()), wrap(child[Symbol.asyncDispose]()))
    assert.notEqual(child.returncode, null)
  },
}

for (const [stateName, state] of Object.entries(states)) {
  for (const [name, act] of Object.entries(operations)) {
    testOnLoop(`${name} on ${stateName}`, function* () {
      const options = isPipedIn(state) ? PIPES : NO_PIPES
      const child = yield* createSubprocessShell(state.command, options)
      yield* state.enter(child)
      assert.equal(child.returncode, state.hasExited ? state.returncode : null)
      yield* act(child, state)
      yield* wrap(child[Symbol.asyncDispose]())
      assert.equal(yield* child.wait(), child.returncode)
      assert.throws(() => process.kill(child.pid, 0), { code: 'ESRCH' })
    })
  }
}

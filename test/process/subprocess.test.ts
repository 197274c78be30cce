// EventLoop.subprocessExec and subprocessShell: processes with protocols, and what goes wrong with them.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import {
  type Coroutine,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  Future,
  getRunningLoop,
  newEventLoop,
  PIPE,
  STDOUT,
  type SubprocessProtocol,
  sleep,
  wait,
} from 'gyre'
import { canCountDescriptors } from '../lifetime/descriptors.js'
import { testOnLoop } from '../net/on_loop.js'
import { Witness } from './witness.js'

const NO_PIPES = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' } as const
const ALL_PIPES = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const

testOnLoop('a protocol is told of its process from the first to the last', function* () {
  const loop = getRunningLoop()
  const command = 'cat; echo wrong >&2; exit 3'
  const { transport, protocol } = yield* loop.subprocessShell(
    () => new Witness(),
    command,
    ALL_PIPES,
  )
  assert.deepEqual(protocol.calls, ['connectionMade'])
  assert.equal(protocol.transport, transport)
  assert.equal(transport.getReturncode(), null)
  assert.equal(typeof transport.getPid(), 'number')
  const stdin = transport.getPipeTransport(0)!
  stdin.write('through')
  stdin.close()
  yield* protocol.over
  assert.deepEqual(protocol.output, { 1: 'through', 2: 'wrong\n' })
  assert.equal(transport.getReturncode(), 3)
  assert.equal(protocol.calls.at(-1), 'connectionLost null')
  assert.deepEqual([...protocol.calls].sort(), [
    'connectionLost null',
    'connectionMade',
    'pipeConnectionLost 0 null',
    'pipeConnectionLost 1 null',
    'pipeConnectionLost 2 null',
    'pipeDataReceived 1',
    'pipeDataReceived 2',
    'processExited 3',
  ])
})

testOnLoop('it can be taken apart as transport and protocol', function* () {
  const witness = new Witness()
  const started = yield* getRunningLoop().subprocessExec(() => witness, 'true', [], NO_PIPES)
  const [transport, protocol] = started
  assert.equal(protocol, witness)
  assert.equal(started.transport, transport)
  assert.deepEqual(
    [0, 1, 2, 3].map((fd) => transport.getPipeTransport(fd)),
    [null, null, null, null],
  )
  yield* protocol.over
  assert.deepEqual(protocol.calls, ['connectionMade', 'processExited 0', 'connectionLost null'])
})

testOnLoop('a protocol without methods is enough', function* () {
  const { transport } = yield* getRunningLoop().subprocessExec(() => ({}), 'cat', [], ALL_PIPES)
  transport.getPipeTransport(0)!.write('x')
  transport.getPipeTransport(0)!.writeEof()
  while (transport.getReturncode() === null) yield* sleep(1)
  assert.equal(transport.getReturncode(), 0)
})

testOnLoop('closing the transport kills the process and ends its pipes', function* () {
  const loop = getRunningLoop()
  const { transport, protocol } = yield* loop.subprocessExec(
    () => new Witness(),
    'cat',
    [],
    ALL_PIPES,
  )
  assert.equal(transport.isClosing(), false)
  transport.close()
  transport.close()
  assert.equal(transport.isClosing(), true)
  yield* protocol.over
  assert.equal(transport.getReturncode(), -9)
  transport.close()
})

testOnLoop('what it has not read when it exits is EPIPE on its stdin', function* () {
  const loop = getRunningLoop()
  const command = 'sleep 0.05; exit 0'
  const start = loop.subprocessShell(() => new Witness(), command, { stdin: PIPE })
  const { transport, protocol } = yield* start
  transport.getPipeTransport(0)!.write(Buffer.alloc(4_000_000))
  yield* protocol.over
  assert.ok(protocol.calls.includes('pipeConnectionLost 0 EPIPE'), protocol.calls.join())
})

testOnLoop('flow control on stdin goes to the protocol', function* () {
  const calls: string[] = []
  const over = new Future<void>()
  const protocol: SubprocessProtocol = {
    pauseWriting: () => calls.push('pause') as never,
    resumeWriting: () => calls.push('resume') as never,
    connectionLost: () => over.setResult(undefined),
  }
  const options = { stdin: PIPE } as const
  const { transport } = yield* getRunningLoop().subprocessShell(
    () => protocol,
    'cat > /dev/null',
    options,
  )
  const stdin = transport.getPipeTransport(0)!
  stdin.write(Buffer.alloc(2_000_000))
  assert.deepEqual(calls, ['pause'])
  stdin.close()
  yield* over
  assert.deepEqual(calls, ['pause', 'resume'])
})

testOnLoop('what a protocol throws is reported, and the process goes on', function* (reports) {
  const over = new Future<void>()
  const fail = (name: string) => () => {
    throw new RangeError(name)
  }
  const protocol: SubprocessProtocol = {
    connectionMade: fail('connectionMade'),
    pipeDataReceived: fail('pipeDataReceived'),
    pipeConnectionLost: fail('pipeConnectionLost'),
    processExited: fail('processExited'),
    connectionLost: () => {
      over.setResult(undefined)
      throw new RangeError('connectionLost')
    },
  }
  const loop = getRunningLoop()
  const options = { ...NO_PIPES, stdout: PIPE } as const
  const { transport } = yield* loop.subprocessShell(() => protocol, 'echo x', options)
  yield* over
  assert.equal(transport.getReturncode(), 0)
  const seen = reports
    .splice(0)
    .map(({ message, exception }) => [message, (exception as Error).message])
  const methods = [
    'connectionLost',
    'connectionMade',
    'pipeConnectionLost',
    'pipeDataReceived',
    'processExited',
  ]
  assert.deepEqual(
    seen.sort(),
    methods.map((name) => [`protocol.${name}() failed`, name]),
  )
})

testOnLoop('a factory that throws starts nothing', function* () {
  const factory = () => {
    throw new RangeError('no protocol')
  }
  const start = getRunningLoop().subprocessExec(factory, 'sleep', ['1000'])
  const failed = yield* wait([start])
  assert.match(String([...failed.done][0]!.exception()), /no protocol/)
})

testOnLoop('another protocol can take over', function* () {
  const loop = getRunningLoop()
  const { transport, protocol } = yield* loop.subprocessExec(() => new Witness(), 'cat', [], {
    stdin: PIPE,
    stdout: PIPE,
  })
  const second = new Witness()
  second.transport = transport
  transport.setProtocol(second)
  assert.equal(transport.getProtocol(), second)
  assert.throws(() => transport.setProtocol(null as never), { code: 'ERR_INVALID_ARG_TYPE' })
  transport.getPipeTransport(0)!.write('to the second')
  transport.getPipeTransport(0)!.close()
  yield* second.over
  assert.deepEqual(protocol.calls, ['connectionMade'])
  assert.equal(second.output[1], 'to the second')
})

testOnLoop('a protocol keeps the AsyncLocalStorage context of the call', function* () {
  const storage = new AsyncLocalStorage<string>()
  const seen = new Set<unknown>()
  const over = new Future<void>()
  const note = () => void seen.add(storage.getStore())
  const protocol: SubprocessProtocol = {
    connectionMade: note,
    pipeDataReceived: note,
    pipeConnectionLost: note,
    processExited: note,
    connectionLost: () => {
      note()
      over.setResult(undefined)
    },
  }
  const loop = getRunningLoop()
  yield* storage.run('mine', () => loop.subprocessShell(() => protocol, 'echo x', { stdout: PIPE }))
  yield* over
  assert.deepEqual([...seen], ['mine'])
})

// --- what cannot be started -----------------------------------------------------------------------

function* failureOf(start: () => Future<unknown>): Coroutine<NodeJS.ErrnoException> {
  const task = createTask(start)
  yield* wait([task])
  return task.exception() as NodeJS.ErrnoException
}

testOnLoop('a program that is not there is ENOENT, with its name', function* () {
  for (const options of [{}, ALL_PIPES, { stdout: PIPE, stderr: STDOUT }] as const) {
    const error = yield* failureOf(() => createSubprocessExec('no-such-program', [], options))
    assert.equal(error.code, 'ENOENT')
    assert.equal(error.syscall, 'spawn no-such-program')
    assert.equal(error.path, 'no-such-program')
  }
})

testOnLoop('a file that may not be run is EACCES, one that is no program says so', function* () {
  const where = mkdtempSync(join(tmpdir(), 'gyre-spawn-'))
  try {
    const path = join(where, 'file')
    writeFileSync(path, 'text')
    assert.equal((yield* failureOf(() => createSubprocessExec(path))).code, 'EACCES')
    assert.equal((yield* failureOf(() => createSubprocessExec(where))).code, 'EACCES')
    chmodSync(path, 0o700)
    // execvp(3) hands a file without a known format to the shell.
    const process = yield* createSubprocessExec(path, [], { stderr: 'ignore' })
    assert.equal(yield* process.wait(), 127)
  } finally {
    rmSync(where, { recursive: true })
  }
})

testOnLoop('a directory that is not there, or is none, is named by the error', function* () {
  const missing = yield* failureOf(() => createSubprocessExec('true', [], { cwd: '/no/such' }))
  assert.deepEqual([missing.code, missing.syscall, missing.path], ['ENOENT', 'chdir', '/no/such'])
  const none = yield* failureOf(() => createSubprocessExec('true', [], { cwd: '/etc/passwd' }))
  assert.deepEqual([none.code, none.syscall, none.path], ['ENOTDIR', 'chdir', '/etc/passwd'])
})

testOnLoop('a descriptor that is not open fails, and starts nothing', function* () {
  const error = yield* failureOf(() => createSubprocessExec('true', [], { stdout: 1_000_000 }))
  assert.equal(error.code, 'EBADF')
})

testOnLoop('a command that the shell does not find is its exit code 127', function* () {
  const process = yield* createSubprocessShell('no-such-program', { stderr: 'ignore' })
  assert.equal(yield* process.wait(), 127)
})

testOnLoop('a shell that is not there is ENOENT', function* () {
  const error = yield* failureOf(() => createSubprocessShell('true', { shell: '/no/such/shell' }))
  assert.equal(error.code, 'ENOENT')
})

testOnLoop('a factory that makes no protocol fails, and starts no child', function* () {
  const loop = getRunningLoop()
  const make = () => null as never
  const error = yield* failureOf(() => loop.subprocessExec(make, 'no-such-program'))
  assert.equal(error.code, 'ERR_INVALID_ARG_TYPE')
})

test('wrong arguments are refused at once, and nothing is started', () => {
  const loop = newEventLoop()
  const type = 'ERR_INVALID_ARG_TYPE'
  const range = 'ERR_OUT_OF_RANGE'
  const programs: [unknown, string][] = [
    [undefined, type],
    [5, type],
    ['', type],
    ['a\0b', type],
    [['ls'], type],
  ]
  for (const [program, code] of programs) {
    const given = program as string
    assert.throws(() => createSubprocessExec(given), { code })
    assert.throws(() => createSubprocessShell(given), { code })
    assert.throws(() => loop.subprocessExec(() => ({}), given), { code })
    assert.throws(() => loop.subprocessShell(() => ({}), given), { code })
  }
  for (const args of ['-l', null, {}, [1], [undefined], ['a\0b']]) {
    assert.throws(() => createSubprocessExec('true', args as string[]), { code: type })
  }
  const optionCases: [object | null | string, string][] = [
    [null, type],
    ['pipe', type],
    [{ stdin: 'pipes' }, type],
    [{ stdin: STDOUT }, type],
    [{ stdout: STDOUT }, type],
    [{ stdout: null }, type],
    [{ stdout: -1 }, range],
    [{ stdout: 2 ** 40 }, range],
    [{ stderr: 1.5 }, range],
    [{ stderr: { fd: '1' } }, type],
    [{ stderr: true }, type],
    [{ cwd: 5 }, type],
    [{ cwd: 'a\0b' }, type],
    [{ env: 'PATH=/' }, type],
    [{ env: { PATH: 5 } }, type],
    [{ env: { PATH: 'a\0b' } }, type],
    [{ uid: '0' }, type],
    [{ uid: -1 }, range],
    [{ gid: 0.5 }, range],
    [{ argv0: 5 }, type],
    [{ detached: 'yes' }, type],
    [{ limit: 0 }, range],
    [{ limit: '1' }, type],
    [{ stdio: 'pipe' }, type],
  ]
  for (const [options, code] of optionCases) {
    assert.throws(() => createSubprocessExec('true', [], options as object), { code })
    assert.throws(() => createSubprocessShell('true', options as object), { code })
  }
  assert.throws(() => createSubprocessShell('true', { shell: '' }), { code: type })
  assert.throws(() => createSubprocessExec('true', [], { shell: true } as object), { code: type })
  assert.throws(() => createSubprocessShell('true', { shell: true } as object), { code: type })
  assert.throws(() => loop.subprocessExec(null as never, 'true'), { code: type })
  assert.throws(() => loop.subprocessShell(5 as never, 'true'), { code: type })
  loop.close()
  assert.throws(() => loop.subprocessExec(() => ({}), 'true'), { code: 'ERR_EVENT_LOOP_CLOSED' })
})

// --- resources ------------------------------------------------------------------------------------

/** How many descriptors are open, once that number stays: what was abandoned ends in its own time. */
function* countDescriptors(): Coroutine<number> {
  const count = () => readdirSync('/proc/self/fd').length
  let last = count()
  for (let steady = 0; steady < 10; steady++) {
    yield* sleep(20)
    if (count() !== last) steady = 0
    last = count()
  }
  return last
}

function pipeDirectories(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^gyre-[A-Za-z0-9]{6}$/.test(name))
}

const counted = canCountDescriptors
  ? testOnLoop
  : (name: string) => test(name, { skip: 'no /proc' })

counted('neither ends nor failures nor cancellations leave a descriptor', function* () {
  const joined = { stdin: PIPE, stdout: PIPE, stderr: STDOUT } as const
  function* everything(): Coroutine<void> {
    for (const options of [ALL_PIPES, joined]) {
      const process = yield* createSubprocessShell('cat', options)
      yield* process.communicate('text')
      const killed = yield* createSubprocessShell('exec sleep 1000', options)
      killed.kill()
      yield* killed.communicate('text')
      yield* failureOf(() => createSubprocessExec('no-such-program', [], options))
      yield* failureOf(() => createSubprocessExec('true', [], { ...options, cwd: '/no/such' }))
      yield* failureOf(() => createSubprocessExec('true', [], { ...options, cwd: '/etc/passwd' }))
      for (let delay = 0; delay < 4; delay++) {
        const start = createSubprocessExec('true', [], options)
        for (let turn = 0; turn < delay; turn++) yield* sleep(0)
        start.cancel()
        yield* wait([start])
        if (!start.cancelled()) yield* start.result().communicate()
      }
    }
  }
  yield* everything()
  const before = yield* countDescriptors()
  const directories = pipeDirectories().length
  for (let round = 0; round < 3; round++) yield* everything()
  assert.equal(yield* countDescriptors(), before)
  assert.ok(pipeDirectories().length <= directories)
})

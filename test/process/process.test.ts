// createSubprocessExec and createSubprocessShell: processes with streams.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import {
  type Coroutine,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  DEVNULL,
  gather,
  PIPE,
  type ProcessOutput,
  STDOUT,
  sleep,
  wait,
  wrap,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { codeOf } from '../thrown.js'

const MEBIBYTE = 1024 * 1024

function* shellOutput(command: string, options: object = {}): Coroutine<string> {
  const process = yield* createSubprocessShell(command, { stdout: PIPE, ...options })
  const { stdout } = yield* process.communicate()
  return String(stdout)
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

testOnLoop('a program gets its arguments as they are, and no shell sees them', function* () {
  const args = ['a b', '', '$HOME', '*', `it's "quoted"`, 'ünïcode', '-n']
  const script = 'for arg; do printf "[%s]" "$arg"; done'
  const process = yield* createSubprocessExec('sh', ['-c', script, 'sh', ...args], { stdout: PIPE })
  const { stdout } = yield* process.communicate()
  assert.equal(String(stdout), args.map((arg) => `[${arg}]`).join(''))
  assert.equal(process.returncode, 0)
})

testOnLoop('a command line runs in the shell', function* () {
  assert.equal(yield* shellOutput('echo one && echo two | tr t T'), 'one\nTwo\n')
})

testOnLoop('a command line runs in the shell that was named', function* () {
  const where = mkdtempSync(join(tmpdir(), 'gyre-shell-'))
  try {
    const out = join(where, 'arguments')
    const script = join(where, 'shell')
    yield* shellOutput(`printf '#!/bin/sh\\necho "$@" > ${out}\\n' > ${script}; chmod +x ${script}`)
    const process = yield* createSubprocessShell('the command', { shell: script })
    yield* process.wait()
    assert.equal(readFileSync(out, 'utf8'), '-c the command\n')
  } finally {
    rmSync(where, { recursive: true })
  }
})

testOnLoop('wait gives the exit code, again and again, and to many at once', function* () {
  const process = yield* createSubprocessShell('exit 7')
  assert.equal(process.returncode, null)
  assert.deepEqual(yield* gather(process.wait(), process.wait()), [7, 7])
  assert.equal(process.returncode, 7)
  assert.equal(yield* process.wait(), 7)
})

testOnLoop('the return code of a process that a signal ended is its negative number', function* () {
  const acts = [
    ['terminate', -15],
    ['kill', -9],
  ] as const
  for (const [act, expected] of acts) {
    const process = yield* createSubprocessExec('sleep', ['1000'])
    process[act]()
    assert.equal(yield* process.wait(), expected)
  }
  for (const signal of ['SIGHUP', 1] as const) {
    const process = yield* createSubprocessExec('sleep', ['1000'])
    process.sendSignal(signal)
    assert.equal(yield* process.wait(), -1)
  }
})

testOnLoop('a signal once the process has exited is ESRCH', function* () {
  const process = yield* createSubprocessExec('true')
  yield* process.wait()
  for (const act of ['terminate', 'kill'] as const) {
    assert.throws(() => process[act](), { code: 'ESRCH', syscall: 'kill' })
  }
})

testOnLoop('streams carry a conversation, line by line', function* () {
  const script = 'while read line; do echo "you said $line"; done; echo bye >&2'
  const process = yield* createSubprocessShell(script, { stdin: PIPE, stdout: PIPE, stderr: PIPE })
  for (const word of ['one', 'two']) {
    process.stdin!.write(`${word}\n`)
    yield* process.stdin!.drain()
    assert.equal(String(yield* process.stdout!.readline()), `you said ${word}\n`)
  }
  process.stdin!.close()
  assert.equal(String(yield* process.stderr!.read()), 'bye\n')
  assert.equal((yield* process.stdout!.read()).length, 0)
  assert.equal(yield* process.wait(), 0)
  yield* process.stdin!.waitClosed()
})

testOnLoop('writeEof on stdin is its end', function* () {
  const process = yield* createSubprocessExec('wc', ['-c'], { stdin: PIPE, stdout: PIPE })
  process.stdin!.write('12345')
  process.stdin!.writeEof()
  yield* process.stdin!.waitClosed()
  assert.equal(String(yield* process.stdout!.read()).trim(), '5')
  assert.equal(yield* process.wait(), 0)
})

testOnLoop('what is no pipe has no stream, and no output', function* () {
  const process = yield* createSubprocessExec('cat', [], { stdin: DEVNULL, stdout: DEVNULL })
  assert.deepEqual([process.stdin, process.stdout, process.stderr], [null, null, null])
  const output: ProcessOutput = yield* process.communicate()
  assert.deepEqual([...output], [null, null])
})

testOnLoop('communicate gives both outputs, by name and in order', function* () {
  const options = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const
  const process = yield* createSubprocessShell('tr a-z A-Z; echo wrong >&2; exit 3', options)
  const output = yield* process.communicate('some text')
  assert.equal(String(output.stdout), 'SOME TEXT')
  assert.equal(String(output.stderr), 'wrong\n')
  assert.deepEqual([...output], [output.stdout, output.stderr])
  assert.equal(process.returncode, 3)
})

for (const size of [0, 1, 65_536, 65_537, 32 * MEBIBYTE]) {
  testOnLoop(`communicate sends ${size} bytes and gets them back without a deadlock`, function* () {
    const data = randomBytes(size)
    const process = yield* createSubprocessExec('cat', [], { stdin: PIPE, stdout: PIPE })
    const { stdout } = yield* process.communicate(data)
    assert.equal(sha256(stdout!), sha256(data))
    assert.equal(process.returncode, 0)
  })
}

testOnLoop('both outputs may be large while a large input is written', function* () {
  const options = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const
  const script = 'process.stdin.pipe(process.stdout); process.stdin.pipe(process.stderr)'
  const process = yield* createSubprocessExec(execPath, ['-e', script], options)
  const data = randomBytes(8 * MEBIBYTE)
  const { stdout, stderr } = yield* process.communicate(data)
  assert.equal(sha256(stdout!), sha256(data))
  assert.equal(sha256(stderr!), sha256(data))
})

testOnLoop('communicate takes no offence at a process that reads nothing', function* () {
  for (const command of ['exit 5', 'exec <&-; sleep 0.05; exit 5', 'head -c 10 >&2; exit 5']) {
    const process = yield* createSubprocessShell(command, { stdin: PIPE, stderr: PIPE })
    yield* process.communicate(Buffer.alloc(4 * MEBIBYTE))
    assert.equal(process.returncode, 5)
  }
})

testOnLoop('an input without a pipe is an error, not lost', function* () {
  const process = yield* createSubprocessExec('true', [], { stdin: DEVNULL })
  assert.throws(() => process.communicate('lost'), {
    name: 'RuntimeError',
    code: 'ERR_STDIN_NOT_PIPED',
  })
  for (const input of [5, null, {}, ['a']]) {
    assert.throws(() => process.communicate(input as unknown as string), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  }
  yield* process.wait()
})

testOnLoop('a communicate that is cancelled leaves the process running', function* () {
  const process = yield* createSubprocessShell('echo early; exec sleep 1000', { stdout: PIPE })
  const communicating = createTask(process.communicate())
  yield* sleep(20)
  communicating.cancel()
  yield* wait([communicating])
  assert.equal(communicating.cancelled(), true)
  assert.equal(process.returncode, null)
  process.kill()
  assert.equal(yield* process.wait(), -9)
})

testOnLoop('a wait that is cancelled leaves the process running and others waiting', function* () {
  const process = yield* createSubprocessExec('sleep', ['1000'])
  const first = createTask(process.wait())
  const second = createTask(process.wait())
  yield* sleep(1)
  first.cancel()
  yield* sleep(1)
  assert.equal(first.cancelled(), true)
  process.terminate()
  assert.equal(yield* second, -15)
})

testOnLoop('wait ends with the process, even if another one still holds its output', function* () {
  // The shell exits; what it started in the background keeps the pipe open.
  const command = 'sleep 1000 & echo $!'
  const process = yield* createSubprocessShell(command, { stdout: PIPE })
  assert.equal(yield* process.wait(), 0)
  const pid = Number(yield* process.stdout!.readline())
  const rest = createTask(process.stdout!.read())
  yield* sleep(1)
  assert.equal(rest.done(), false)
  globalThis.process.kill(pid, 'SIGKILL')
  assert.equal((yield* rest).length, 0)
})

testOnLoop('with stderr as STDOUT both come in one pipe, in the order of writing', function* () {
  const lines = Array.from({ length: 200 }, (_, index) => index)
  const command = `for i in ${lines.join(' ')}; do echo out $i; echo err $i >&2; done`
  const output = yield* shellOutput(command, { stderr: STDOUT })
  assert.equal(output, lines.map((line) => `out ${line}\nerr ${line}\n`).join(''))
})

testOnLoop('one pipe for both carries large outputs and ends with the process', function* () {
  const options = { stdin: PIPE, stdout: PIPE, stderr: STDOUT } as const
  const process = yield* createSubprocessShell('cat; cat /dev/null >&2; exit 2', options)
  assert.equal(process.stderr, null)
  const data = randomBytes(8 * MEBIBYTE)
  const { stdout } = yield* process.communicate(data)
  assert.equal(sha256(stdout!), sha256(data))
  assert.equal(process.returncode, 2)
})

testOnLoop(
  'outputs go to a descriptor or a FileHandle, and stderr follows stdout there',
  function* () {
    const where = mkdtempSync(join(tmpdir(), 'gyre-process-'))
    const path = join(where, 'output')
    try {
      const fd = openSync(path, 'w')
      const first = yield* createSubprocessShell('echo 1; echo 2 >&2', {
        stdout: fd,
        stderr: STDOUT,
      })
      assert.equal(yield* first.wait(), 0)
      closeSync(fd)
      const file = yield* wrap(open(path, 'a+'))
      const second = yield* createSubprocessShell('echo 3', { stdout: file })
      assert.equal(yield* second.wait(), 0)
      yield* wrap(file.close())
      assert.equal(readFileSync(path, 'utf8'), '1\n2\n3\n')
      const source = openSync(path, 'r')
      assert.equal(yield* shellOutput('cat', { stdin: source }), '1\n2\n3\n')
      closeSync(source)
    } finally {
      rmSync(where, { recursive: true })
    }
  },
)

testOnLoop('cwd, env, argv0 and detached reach the process', function* () {
  const where = realpathSync(mkdtempSync(join(tmpdir(), 'gyre-cwd-')))
  try {
    assert.equal(yield* shellOutput('pwd', { cwd: where }), `${where}\n`)
    assert.equal(yield* shellOutput('pwd', { cwd: pathToFileURL(where) }), `${where}\n`)
  } finally {
    rmSync(where, { recursive: true })
  }
  const env = { PATH: globalThis.process.env.PATH, ONLY: 'this', LEFT_OUT: undefined }
  const output = yield* shellOutput('echo $ONLY $HOME $LEFT_OUT', { env })
  assert.equal(output, 'this\n')

  const named = yield* createSubprocessExec('sh', ['-c', 'echo $0'], {
    argv0: 'another',
    stdout: PIPE,
  })
  assert.equal(String((yield* named.communicate()).stdout), 'another\n')

  const leader = yield* createSubprocessShell('ps -o pgid= -p $$', { stdout: PIPE, detached: true })
  assert.equal(Number((yield* leader.communicate()).stdout), leader.pid)
})

testOnLoop(
  'a process that nobody reads is held up, and little of its output is kept',
  function* () {
    const limit = 1000
    const process = yield* createSubprocessShell('yes | head -c 20000000', { stdout: PIPE, limit })
    const stdout = process.stdout!
    yield* stdout.readexactly(1)
    yield* sleep(30)
    const held = Number(/open (\d+) bytes/.exec(inspect(stdout))?.[1])
    assert.ok(held > 0 && held <= 2 * limit + 65_536, `${held} bytes are held`)
    assert.equal(process.returncode, null)
    assert.equal((yield* stdout.read()).length, 20_000_000 - 1)
    assert.equal(yield* process.wait(), 0)
  },
)

testOnLoop('outputs that were paused when the process exited are all there', function* () {
  const process = yield* createSubprocessShell('yes | head -c 100000', { stdout: PIPE, limit: 10 })
  assert.equal(yield* process.wait(), 0)
  yield* sleep(5)
  const held = Number(/ (\d+) bytes/.exec(inspect(process.stdout!))?.[1])
  assert.ok(held <= 20 + 65_536, `${held} bytes are held`)
  assert.equal((yield* process.stdout!.read()).length, 100_000)
})

testOnLoop('a line of output beyond the limit is LimitOverrunError', function* () {
  const process = yield* createSubprocessShell(
    'yes | tr -d "\\n" | head -c 5000; echo; echo short',
    {
      stdout: PIPE,
      limit: 1000,
    },
  )
  try {
    yield* process.stdout!.readline()
    assert.fail('the line was read')
  } catch (error) {
    assert.equal(codeOf(error), 'ERR_LIMIT_OVERRUN')
  }
  process.kill()
  yield* process.wait()
})

testOnLoop('drain holds up who writes faster than the process reads', function* () {
  const process = yield* createSubprocessShell('sleep 0.05; wc -c', { stdin: PIPE, stdout: PIPE })
  const stdin = process.stdin!
  let most = 0
  for (let left = 64; left > 0; left--) {
    stdin.write(Buffer.alloc(65_536))
    most = Math.max(most, stdin.transport.getWriteBufferSize())
    yield* stdin.drain()
  }
  stdin.close()
  assert.ok(most <= 2 * 65_536, `${most} bytes waited`)
  assert.equal(String(yield* process.stdout!.read()).trim(), String(64 * 65_536))
  assert.equal(yield* process.wait(), 0)
})

testOnLoop('drain tells of a process that went away', function* () {
  const process = yield* createSubprocessExec('true', [], { stdin: PIPE })
  yield* process.wait()
  let error: unknown = null
  while (error === null) {
    process.stdin!.write('x')
    try {
      yield* process.stdin!.drain()
      yield* sleep(1)
    } catch (thrown) {
      error = thrown
    }
  }
  assert.match(String(codeOf(error)), /^(EPIPE|ECONNRESET)$/)
})

testOnLoop('await using ends the process with the block', function* () {
  const pid = yield* createTask(async () => {
    await using process = await createSubprocessExec('sleep', ['1000'], { stdin: PIPE })
    return process.pid
  })
  assert.throws(() => globalThis.process.kill(pid, 0), { code: 'ESRCH' })
})

testOnLoop('a process that has ended leaves no zombie', function* () {
  const processes = yield* gather(
    Array.from({ length: 20 }, () => createSubprocessExec('true', [], { stdin: DEVNULL })),
  )
  yield* gather(processes.map((process) => process.wait()))
  const left = processes.filter(({ pid }) => existsSync(`/proc/${pid}`))
  assert.deepEqual(left, [])
})

testOnLoop('it is printed with its number and how it ended', function* () {
  const process = yield* createSubprocessShell('exit 3')
  assert.equal(inspect(process), `<Process ${process.pid}>`)
  yield* process.wait()
  assert.equal(inspect(process), `<Process ${process.pid} returncode=3>`)
})

// The pipes of a child with a protocol: which there are, and how they end.

import assert from 'node:assert/strict'
import { getRunningLoop, type SubprocessTransport } from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { Witness } from './witness.js'

const NO_PIPES = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' } as const

testOnLoop(
  'an end of stdin that lost nothing is no error, though the child left it open',
  function* () {
    const loop = getRunningLoop()
    for (const command of ['exit 0', 'read line', 'kill -KILL $$']) {
      const { transport, protocol } = yield* loop.subprocessShell(() => new Witness(), command)
      if (command === 'read line') transport.getPipeTransport(0)!.write('line\n')
      yield* protocol.over
      const losses = protocol.calls.filter((call) => call.startsWith('pipeConnectionLost'))
      assert.deepEqual(losses.sort(), [
        'pipeConnectionLost 0 null',
        'pipeConnectionLost 1 null',
        'pipeConnectionLost 2 null',
      ])
    }
  },
)

testOnLoop('a protocol has three pipes unless it is told otherwise, as in asyncio', function* () {
  const loop = getRunningLoop()
  const piped = (transport: SubprocessTransport) =>
    [0, 1, 2].map((fd) => transport.getPipeTransport(fd) !== null)
  const shell = yield* loop.subprocessShell(() => new Witness(), 'exit 0')
  assert.deepEqual(piped(shell.transport), [true, true, true])
  const exec = yield* loop.subprocessExec(() => new Witness(), 'true', [], { stdin: 'inherit' })
  assert.deepEqual(piped(exec.transport), [false, true, true])
  const none = yield* loop.subprocessExec(() => new Witness(), 'true', [], NO_PIPES)
  assert.deepEqual(piped(none.transport), [false, false, false])
  for (const { protocol } of [shell, exec, none]) yield* protocol.over
})

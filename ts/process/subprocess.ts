// EventLoop.subprocessExec and subprocessShell: a child process with a protocol.

import { type ChildProcess, spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { checkFunction } from '../errors/arguments'
import { systemError } from '../errors/system_error'
import { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { checkProtocol } from '../net/protocol'
import { createOwnOpening } from '../task/opening'
import { ChildTransport } from './child_transport'
import { type JoinedPipe, makeJoinedPipe } from './joined_pipe'
import {
  PIPE,
  planExec,
  planShell,
  type SpawnPlan,
  type SubprocessOptions,
  type SubprocessShellOptions,
} from './subprocess_options'
import type { SubprocessProtocol, SubprocessTransport } from './subprocess_protocol'

/** `{ transport, protocol }`, which can also be taken apart as `[transport, protocol]`. */
export type Subprocess<P extends SubprocessProtocol> = readonly [
  transport: SubprocessTransport,
  protocol: P,
] & {
  readonly transport: SubprocessTransport
  readonly protocol: P
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Starts a program, found by PATH, with a protocol made by `factory`. No shell sees the arguments.
     * Its three streams are pipes unless `options` say otherwise, as in asyncio (3.13). Rejects with the
     * system's error: ENOENT if there is no such program or directory, EACCES if it may not be run.
     */
    subprocessExec<P extends SubprocessProtocol>(
      factory: () => P,
      program: string,
      args?: readonly string[],
      options?: SubprocessOptions,
    ): Future<Subprocess<P>>
    /** Runs a command line in a shell. What comes from elsewhere must be quoted for that shell. */
    subprocessShell<P extends SubprocessProtocol>(
      factory: () => P,
      command: string,
      options?: SubprocessShellOptions,
    ): Future<Subprocess<P>>
  }
}

EventLoop.prototype.subprocessExec = function subprocessExec<P extends SubprocessProtocol>(
  this: EventLoop,
  factory: () => P,
  program: string,
  args: readonly string[] = [],
  options: SubprocessOptions = {},
): Future<Subprocess<P>> {
  checkFunction('factory', factory)
  return launch(this, factory, planExec(program, args, options, PIPE))
}

EventLoop.prototype.subprocessShell = function subprocessShell<P extends SubprocessProtocol>(
  this: EventLoop,
  factory: () => P,
  command: string,
  options: SubprocessShellOptions = {},
): Future<Subprocess<P>> {
  checkFunction('factory', factory)
  return launch(this, factory, planShell(command, options, PIPE))
}

function launch<P extends SubprocessProtocol>(
  loop: EventLoop,
  factory: () => P,
  plan: SpawnPlan,
): Future<Subprocess<P>> {
  loop._checkOpen()
  const steps = function* () {
    const [transport, protocol] = yield* startSubprocess(loop, factory, plan)
    return Object.assign([transport, protocol] as const, { transport, protocol })
  }
  return createOwnOpening(loop, steps(), `spawn ${plan.program}`, ({ transport }) =>
    transport.close(),
  )
}

/**
 * The steps of starting a child. Nothing waits between its start and the end of these steps: whoever
 * is cancelled in them has no child running.
 */
export function* startSubprocess<P extends SubprocessProtocol>(
  loop: EventLoop,
  factory: () => P,
  plan: SpawnPlan,
): Generator<Future<unknown>, readonly [ChildTransport, P], unknown> {
  const protocol = factory()
  checkProtocol('factory()', protocol)
  const joined = plan.joinsOutputs ? yield* makeJoinedPipe() : null
  let transport: ChildTransport
  try {
    const child = yield* spawnChild(loop, plan, joined)
    transport = new ChildTransport(loop, child, joined?.ours ?? null, protocol)
  } catch (error) {
    joined?.ours.destroy()
    throw error
  } finally {
    joined?.childs.destroy()
  }
  transport._begin()
  return [transport, protocol]
}

function* spawnChild(
  loop: EventLoop,
  { program, args, stdio, options }: SpawnPlan,
  joined: JoinedPipe | null,
): Generator<Future<unknown>, ChildProcess, unknown> {
  const [input, stdout, stderr] = stdio
  const outputs = joined === null ? [stdout, stderr] : [joined.childs, joined.childs]
  let child: ChildProcess
  try {
    child = spawn(program, args, { ...options, stdio: [input, ...outputs] })
  } catch (error) {
    throw flawOf(options.cwd) ?? error
  }
  if (child.pid !== undefined) return child
  const failure = yield* failureOf(loop, child)
  throw flawOf(options.cwd) ?? failure
}

/** Why there is no child: Node throws some errors, and tells of others in an event, later. */
function* failureOf(
  loop: EventLoop,
  child: ChildProcess,
): Generator<Future<unknown>, Error, unknown> {
  const failure = new Future<Error>(loop)
  child.on('error', (error) => {
    if (!failure.done() && !loop.isClosed()) failure.setResult(error)
  })
  return yield* failure
}

/** The system does not say whether it missed the program or the directory, and Node blames the former. */
function flawOf(cwd: string | URL | undefined): Error | null {
  if (cwd === undefined) return null
  let errno: number = constants.errno.ENOTDIR
  try {
    if (statSync(cwd).isDirectory()) return null
  } catch (error) {
    errno = -((error as NodeJS.ErrnoException).errno as number)
  }
  return Object.assign(systemError(errno, 'chdir'), { path: String(cwd) })
}

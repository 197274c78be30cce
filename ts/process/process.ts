// Process: a child with its pipes as streams, after asyncio's subprocess module (3.13).

import { inspect } from 'node:util'
import { gather } from '../combine/gather'
import { checkInteger, invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { FlowControl } from '../net/flow_control'
import type { Transport, Writable } from '../net/protocol'
import { READER_LIMIT_BYTES, StreamReader } from '../net/stream_reader'
import { StreamWriter } from '../net/stream_writer'
import { isWritable } from '../net/writable'
import { createOwnOpening } from '../task/opening'
import type { ChildTransport } from './child_transport'
import { startSubprocess } from './subprocess'
import {
  planExec,
  planShell,
  type SpawnPlan,
  type SubprocessOptions,
  type SubprocessShellOptions,
} from './subprocess_options'
import type { SubprocessProtocol, SubprocessTransport } from './subprocess_protocol'

type Steps<T> = Generator<Future<unknown>, T, unknown>

/** The limit of the readers of stdout and stderr. */
export interface ProcessStreamOptions {
  /** Bytes of an output that are held before reading it pauses (at twice this); the longest line. */
  limit?: number | undefined
}

/** `{ stdout, stderr }`, which can also be taken apart as `[stdout, stderr]`; null for what is no pipe. */
export type ProcessOutput = readonly [stdout: Buffer | null, stderr: Buffer | null] & {
  readonly stdout: Buffer | null
  readonly stderr: Buffer | null
}

/** Feeds the readers from the pipes, and closes the transport when there is nothing more to come. */
class ProcessProtocol implements SubprocessProtocol {
  readonly readers = new Map<number, StreamReader>()
  stdin: StreamWriter | null = null
  private readonly flow: FlowControl
  private transport!: SubprocessTransport
  private openOutputs = 0
  private hasExited = false

  constructor(
    private readonly loop: EventLoop,
    private readonly limit: number,
  ) {
    this.flow = new FlowControl(loop)
  }

  connectionMade(transport: SubprocessTransport): void {
    this.transport = transport
    for (const fd of [1, 2]) {
      const pipe = transport.getPipeTransport(fd)
      if (pipe === null) continue
      const reader = new StreamReader({ limit: this.limit, loop: this.loop })
      reader.setTransport(pipe)
      this.readers.set(fd, reader)
      this.openOutputs++
    }
    const pipe = transport.getPipeTransport(0)
    if (pipe !== null) this.stdin = new StreamWriter(pipe, this.flow)
  }

  pipeDataReceived(fd: number, data: Buffer): void {
    this.readers.get(fd)?.feedData(data)
  }

  pipeConnectionLost(fd: number, error: Error | null): void {
    if (fd === 0) {
      this.flow.connectionLost(error)
      return
    }
    const reader = this.readers.get(fd)
    if (error === null) reader?.feedEof()
    else reader?.setException(error)
    this.openOutputs--
    this.closeIfOver()
  }

  processExited(): void {
    this.hasExited = true
    this.closeIfOver()
  }

  pauseWriting(): void {
    this.flow.pause()
  }

  resumeWriting(): void {
    this.flow.resume()
  }

  private closeIfOver(): void {
    if (this.openOutputs === 0 && this.hasExited) this.transport.close()
  }
}

/** A child process, with its pipes as streams. */
export class Process {
  readonly pid: number
  /** Writes to the child; null where stdin is no pipe. */
  readonly stdin: StreamWriter | null
  /** Reads from the child; null where the output is no pipe. */
  readonly stdout: StreamReader | null
  readonly stderr: StreamReader | null

  /** @internal */
  constructor(
    private readonly transport: ChildTransport,
    protocol: ProcessProtocol,
  ) {
    this.pid = transport.getPid()
    this.stdin = protocol.stdin
    this.stdout = protocol.readers.get(1) ?? null
    this.stderr = protocol.readers.get(2) ?? null
  }

  /** The exit code; -n if signal n ended the child; null while it runs. */
  get returncode(): number | null {
    return this.transport.getReturncode()
  }

  /**
   * Waits until the child has exited and gives its return code. With a pipe that nobody reads the
   * child may wait for us in turn: use `communicate` then.
   */
  wait(): Operation<number> {
    return new GeneratorOperation('Process.wait', () => this.transport._wait())
  }

  /**
   * Writes `input` to stdin and closes it, reads both outputs to their ends, and waits for the exit.
   * A child that does not read all of its input is no error. Cancelling it leaves the child running;
   * what was read by then is lost. Throws RuntimeError for an input without a pipe to write it to.
   */
  communicate(input?: Writable): Operation<ProcessOutput> {
    if (input !== undefined) {
      checkWritable(input)
      if (this.stdin === null) {
        const message = "there is no pipe for the input: start the process with stdin: 'pipe'"
        throw new RuntimeError(message, 'ERR_STDIN_NOT_PIPED')
      }
    }
    return new GeneratorOperation('Process.communicate', () => this.communicateSteps(input))
  }

  /**
   * Sends a signal, given by name or number. Throws the system's error: ESRCH once the child has
   * exited, EPERM for a child of another user.
   */
  sendSignal(signal: NodeJS.Signals | number): void {
    this.transport.sendSignal(signal)
  }

  /** Sends SIGTERM. */
  terminate(): void {
    this.transport.terminate()
  }

  /** Sends SIGKILL. */
  kill(): void {
    this.transport.kill()
  }

  /** @internal Nobody has it: closes the pipes, and kills the child. */
  _discard(): void {
    this.transport.close()
  }

  /** Closes the pipes, kills the child if it still runs, and waits for its exit. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.transport.close()
    await this.wait()
  }

  [inspect.custom](): string {
    const { returncode } = this
    return `<Process ${this.pid}${returncode === null ? '' : ` returncode=${returncode}`}>`
  }

  private *communicateSteps(input: Writable | undefined): Steps<ProcessOutput> {
    const [, stdout, stderr] = yield* gather(
      this.feedInput(input),
      this.readOutput(1, this.stdout),
      this.readOutput(2, this.stderr),
    )
    yield* this.wait()
    return Object.assign([stdout, stderr] as const, { stdout, stderr })
  }

  private *feedInput(input: Writable | undefined): Steps<void> {
    const { stdin } = this
    if (stdin === null) return
    try {
      if (input !== undefined) stdin.write(input)
      yield* stdin.drain()
    } catch (error) {
      // The child has read what it wanted.
      if (!isBrokenPipe(error)) throw error
    }
    stdin.close()
  }

  private *readOutput(fd: number, reader: StreamReader | null): Steps<Buffer | null> {
    if (reader === null) return null
    const output = yield* reader.read()
    ;(this.transport.getPipeTransport(fd) as Transport).close()
    return output
  }
}

function isBrokenPipe(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' || code === 'ECONNRESET'
}

function checkWritable(input: unknown): void {
  if (isWritable(input)) return
  throw invalidType('input', 'a string, an ArrayBuffer or a view of one', input)
}

/**
 * Starts a program, found by PATH, with streams for its pipes. No shell sees the arguments. Rejects
 * with the system's error: ENOENT if there is no such program or directory, EACCES if it may not be
 * run.
 */
export function createSubprocessExec(
  program: string,
  args: readonly string[] = [],
  options: SubprocessOptions & ProcessStreamOptions = {},
): Future<Process> {
  return startProcess(planExec(program, args, options, 'inherit'), options.limit)
}

/** Runs a command line in a shell. What comes from elsewhere must be quoted for that shell. */
export function createSubprocessShell(
  command: string,
  options: SubprocessShellOptions & ProcessStreamOptions = {},
): Future<Process> {
  return startProcess(planShell(command, options, 'inherit'), options.limit)
}

function startProcess(plan: SpawnPlan, limit = READER_LIMIT_BYTES): Future<Process> {
  checkInteger('options.limit', limit, 1)
  const loop = schedulingLoop()
  const steps = function* () {
    const make = () => new ProcessProtocol(loop, limit)
    const [transport, protocol] = yield* startSubprocess(loop, make, plan)
    return new Process(transport, protocol)
  }
  return createOwnOpening(loop, steps(), `spawn ${plan.program}`, (child) => {
    child._discard()
  })
}

// serve(): a server on many cores. Each worker, a thread or a process, has a loop of its own; all of them
// listen on one port. Workers that die are started anew; draining lets them finish.

import { availableParallelism } from 'node:os'
import { inspect } from 'node:util'
import { backendInfo } from '../backend/select'
import { checkDelay, checkInteger, invalidType } from '../errors/arguments'
import { NotSupportedError } from '../errors/errors'
import { type ModuleFunction, specOf } from '../executors/job_function'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { checkHostPort } from '../net/address'
import type { Coroutine } from '../task/coroutine'
import { createOpening } from '../task/opening'
import { freePort } from './free_port'
import type { WorkerKind } from './link'
import { WorkerPlace } from './worker_place'

export interface ServeOptions {
  /** How many workers; by default as many as the machine runs in parallel. */
  workers?: number | undefined
  /** What they are; by default processes. */
  kind?: WorkerKind | undefined
  /** A host name or address; by default every interface. */
  host?: string | undefined
  /** 0 to 65535; 0, the default, lets the system choose, once for all workers. */
  port?: number | undefined
  /** How many connections may wait to be accepted, in each worker. By default 100. */
  backlog?: number | undefined
  /** How long workers that end may finish what is under way. By default 10,000 milliseconds. */
  graceMs?: number | undefined
}

/** Workers that serve on one port. */
export class ServerGroup {
  private places: WorkerPlace[] = []
  private portInUse = 0
  private isClosing = false

  /** A group that nobody has closed goes with its loop: its workers would hold the program. */
  private readonly atLoopClose = () => this.abort()

  /** @internal */
  constructor(private readonly loop: EventLoop) {
    loop._atClose.push(this.atLoopClose)
  }

  /** The port on which all workers listen. */
  get port(): number {
    return this.portInUse
  }

  /** The workers that are running: `id` from 1, `pid` of a process or the id of a thread. */
  get workers(): readonly { id: number; pid: number; restarts: number }[] {
    return this.places.flatMap(({ id, pid, restarts }) =>
      pid === null ? [] : [{ id, pid, restarts }],
    )
  }

  /** Drains: every worker stops accepting, finishes what is under way, and ends. */
  close(): void {
    this.isClosing = true
    for (const place of this.places) place.drain()
  }

  /** Ends every worker at once. */
  abort(): void {
    this.isClosing = true
    for (const place of this.places) place.abort()
  }

  /** Waits until every worker has ended. */
  waitClosed(): Operation<void> {
    return new GeneratorOperation('ServerGroup.waitClosed', () => this.untilOver())
  }

  /**
   * Serves until SIGTERM, until it is cancelled, or until every worker has returned; then drains and waits
   * for the end. SIGTERM is heard where the program has no listener of its own for it.
   */
  serveForever(): Operation<void> {
    return new GeneratorOperation('ServerGroup.serveForever', () => this.serve())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.waitClosed()
  }

  [inspect.custom](): string {
    const state = this.isClosing ? 'closing' : `listening on port ${this.portInUse}`
    return `<ServerGroup ${state}, ${this.workers.length} workers>`
  }

  /** @internal Starts the workers, and waits until all of them listen. */
  *_start(options: CheckedOptions): Coroutine<ServerGroup> {
    const { workers, isClustered, settings } = options
    let { port } = settings
    // The primary of a cluster has a port for each number that is asked for, and 0 is one.
    if (isClustered && port === 0) port = yield* freePort(this.loop, settings.host)
    try {
      for (let id = 1; id <= workers; id++) {
        const place = new WorkerPlace(this.loop, options, { ...settings, id, port })
        this.places.push(place)
        // Where the system chooses the port, it does so for the first.
        if (port === 0) port = yield* place.listening
        place.port = port
      }
      for (const place of this.places) yield* place.listening
    } catch (error) {
      this.abort()
      // The first to fail stands for all: nobody waits for the others any more.
      for (const { listening } of this.places) listening._markRetrieved()
      throw error
    }
    this.portInUse = port
    return this
  }

  private *serve(): Coroutine<void> {
    const mayListen = process.listenerCount('SIGTERM') === 0
    const terminate = () => this.close()
    if (mayListen) process.on('SIGTERM', terminate)
    try {
      yield* this.untilOver()
    } finally {
      this.close()
      try {
        yield* this.untilOver()
      } finally {
        if (mayListen) process.removeListener('SIGTERM', terminate)
      }
    }
  }

  private *untilOver(): Coroutine<void> {
    for (const place of this.places) yield* place.untilOver()
    const { _atClose } = this.loop
    const index = _atClose.indexOf(this.atLoopClose)
    if (index >= 0) _atClose.splice(index, 1)
  }
}

/** @internal What the options come to. */
export interface CheckedOptions {
  readonly workers: number
  readonly kind: WorkerKind
  readonly isClustered: boolean
  readonly settings: {
    readonly module: string
    readonly name: string
    readonly host: string | undefined
    readonly port: number
    readonly backlog: number | undefined
    readonly graceMs: number
    readonly reusePort: boolean
  }
}

/**
 * Runs `main(worker)`, an export of a module, in several workers, each with a loop of its own;
 * `worker.startServer(handler)` and `worker.createServer(factory)` listen on the port that they share. The
 * future is done when all of them listen.
 *
 * A worker that dies is started anew, at once the first time, then after longer and longer pauses; one whose
 * `main` returns is not. Rejects with what ended a worker before it listened: EADDRINUSE, JobModuleError …
 * The kernel shares the port by SO_REUSEPORT. Where the fallback cannot, processes share it by
 * node:cluster, and threads throw NotSupportedError.
 */
export function serve(main: ModuleFunction, options: ServeOptions = {}): Future<ServerGroup> {
  const checked = checkOptions(main, options)
  const loop = schedulingLoop()
  const group = new ServerGroup(loop)
  return createOpening(loop, group._start(checked), 'serve', () => group.abort())
}

function checkOptions(main: ModuleFunction, options: ServeOptions): CheckedOptions {
  const spec = specOf(main)
  if ('source' in spec) throw invalidType('main', '{ module, name } of a function', main)
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  const { workers = availableParallelism(), kind = 'processes', graceMs = 10_000 } = options
  checkInteger('options.workers', workers, 1, 1024)
  if (kind !== 'processes' && kind !== 'threads') {
    throw invalidType('options.kind', "'processes' or 'threads'", kind)
  }
  checkDelay('options.graceMs', graceMs)
  const { host, port } = checkHostPort(options.host, options.port ?? 0)
  const { backlog } = options
  if (backlog !== undefined) checkInteger('options.backlog', backlog, 1, 65535)
  const isNative = backendInfo().name === 'native'
  if (!isNative && kind === 'threads') {
    throw new NotSupportedError(
      "threads cannot share a port without the native backend; use kind: 'processes'",
    )
  }
  const settings = { ...spec, host, port, backlog, graceMs, reusePort: true }
  return { workers, kind, isClustered: !isNative, settings }
}

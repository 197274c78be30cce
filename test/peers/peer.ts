// Programs that other people wrote, as the other end of a connection: finds them, starts them, waits
// until they are ready, and stops them with the test, whatever comes of it.
//
// Where a program is missing, its tests are skipped and say why; with GYRE_CI=1 they fail instead, so
// that nothing goes untested by accident. .ci/run installs what is needed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import test from 'node:test'

const TEST_TIMEOUT_MS = 60_000
const READY_TIMEOUT_MS = 20_000
const LOOK_AGAIN_MS = 10

/** How one knows that a peer is ready: by what it prints, or by a port that answers. */
export interface Readiness {
  /** Looked for in both of its outputs. */
  prints?: RegExp
  /** A TCP port of 127.0.0.1. The peer sees a connection that ends at once. */
  listensOn?: number
}

export interface PeerOptions {
  /** Without it, the peer counts as ready as soon as it is started. */
  ready?: Readiness
  env?: NodeJS.ProcessEnv
  /** What it reads on its standard input; an end without any, unless given. */
  input?: string | Uint8Array
  /** Whether it refuses to run as root: it runs as nobody then, where it would. */
  unprivileged?: boolean
}

/** Who runs what refuses to run as root; null where this process is somebody else already. */
export const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null

/** A program that runs. Everything it prints is kept. */
export class Peer {
  stdout = Buffer.alloc(0)
  stderr = Buffer.alloc(0)
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  private isOver = false

  constructor(
    private readonly child: ChildProcess,
    private readonly command: string,
  ) {
    child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout = Buffer.concat([this.stdout, chunk])
    })
    child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr = Buffer.concat([this.stderr, chunk])
    })
    // It may end before it has read what it was given.
    child.stdin!.on('error', () => {})
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.isOver = true
      return (code ?? signal) as number | NodeJS.Signals
    })
  }

  get pid(): number {
    return this.child.pid as number
  }

  async untilReady({ prints, listensOn }: Readiness): Promise<void> {
    const isReady = async () => {
      if (prints !== undefined && !prints.test(`${this.stdout}\n${this.stderr}`)) return false
      return listensOn === undefined || (await answers(listensOn))
    }
    const lastMs = performance.now() + READY_TIMEOUT_MS
    while (!(await isReady())) {
      const isTooLate = performance.now() > lastMs
      if (this.isOver || isTooLate) {
        const what = this.isOver ? 'ended before it was ready' : 'did not become ready'
        throw new Error(`${this.command} ${what}. It printed: ${this.stdout}${this.stderr}`)
      }
      await delay(LOOK_AGAIN_MS)
    }
  }

  /** Ends it, with the programs it has started, and waits for its end. */
  async stop(): Promise<void> {
    // It leads a process group of its own; the group may outlive it.
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await this.ended
  }
}

/** What a test with peers is given. */
export class Peers {
  private readonly running: Peer[] = []
  private directory: string | null = null

  /** Starts a program and waits until it is ready. */
  async start(program: string, args: string[], options: PeerOptions = {}): Promise<Peer> {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.unprivileged === true && unprivileged),
      detached: true,
    })
    await once(child, 'spawn')
    const peer = new Peer(child, [program, ...args].join(' '))
    this.running.push(peer)
    child.stdin!.end(options.input ?? '')
    if (options.ready !== undefined) await peer.untilReady(options.ready)
    return peer
  }

  /** A path in a directory that goes with the test. */
  path(name: string): string {
    this.directory ??= mkdtempSync(join(tmpdir(), 'gyre-peer-'))
    return join(this.directory, name)
  }

  async end(): Promise<void> {
    await Promise.all(this.running.map((peer) => peer.stop()))
    if (this.directory !== null) rmSync(this.directory, { recursive: true, force: true })
  }
}

/**
 * Declares a test that needs `programs` (names of commands); they end with it. Without one of them it
 * is skipped, in CI it fails.
 */
export function testWithPeers(
  programs: string[],
  name: string,
  body: (peers: Peers) => Promise<void>,
): void {
  const missing = programs.filter((program) => !isInstalled(program)).join(', ')
  const mustRun = process.env.GYRE_CI === '1'
  const skip = missing !== '' && !mustRun ? `not installed: ${missing}` : false
  test(name, { timeout: TEST_TIMEOUT_MS, skip }, async () => {
    if (missing !== '') throw new Error(`not installed, and this is CI: ${missing}`)
    const peers = new Peers()
    try {
      await body(peers)
    } finally {
      await peers.end()
    }
  })
}

/** A port of 127.0.0.1 that is free now, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether a command is found on the path. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

// What is compared, and by whom. A scenario is one topic (`npm run bench -- timers`), a case one
// piece of work within it, an arm one way to do that work. The first arm of a case is what the
// others are compared with.
//
// Every arm runs in a process of its own, which goes on from round to round; see arm_process.ts.

import type { BackendName, Coroutine } from 'gyre'
import type { Peer } from './peer.js'

export interface Scenario {
  /** What `npm run bench -- name` says, and the name of its file in results/. */
  readonly name: string
  readonly title: string
  readonly cases: readonly Case[]
}

export type Case = OperationCase | ServerCase

/** The same operation, many times: what one costs. */
export interface OperationCase {
  readonly kind: 'operation'
  readonly name: string
  /** How many operations a round has. */
  readonly count: number
  readonly arms: readonly OperationArm[]
}

/** A server under load: what a request costs it, and how long it takes. */
export interface ServerCase {
  readonly kind: 'server'
  readonly name: string
  /** How many requests a round has. */
  readonly count: number
  readonly load: Load
  readonly arms: readonly ServerArm[]
}

export interface Load {
  readonly connections: number
  readonly messageBytes: number
  /** How many messages each connection has in flight. */
  readonly window: number
}

interface ArmBase {
  readonly name: string
}

/** Plain Node: no loop of Gyre's runs in the process. */
interface PlainArm extends ArmBase {
  readonly backend: null
}

/** Runs inside `run()` on this backend. */
interface GyreArm extends ArmBase {
  readonly backend: BackendName
}

/** A program of somebody else's, which speaks the lines of arm_main.ts. */
export interface PeerArm extends ArmBase {
  readonly backend: null
  readonly peer: Peer
}

/** Does `count` operations. The generator form keeps async functions out of what is measured. */
export type OperationArm =
  | (PlainArm & { readonly round: (count: number) => void | Promise<void> })
  | (GyreArm & { readonly steps: (count: number) => Coroutine<void> })
  | (GyreArm & { readonly round: (count: number) => Promise<void> })
  | PeerArm

/** Serves on 127.0.0.1 and gives its port. */
export type ServerArm =
  | (PlainArm & { readonly serve: () => Promise<number> })
  | (GyreArm & { readonly serve: () => Coroutine<number> })
  | PeerArm

export type Arm = OperationArm | ServerArm

/** What a process has used up so far. */
export interface Usage {
  readonly cpuUs: number
  readonly rssPeakBytes: number
}

/** One round of one arm. Times are for one operation or request. */
export interface Measurement {
  readonly cpuNs: number
  readonly wallNs: number
  readonly rssPeakBytes: number
  /** Servers only. */
  readonly p50Us?: number
  readonly p99Us?: number
}

const GYRE_BACKENDS: readonly BackendName[] = ['native', 'fallback']

/** The same work on both backends of Gyre: two arms, named `native …` and `fallback …`. */
export function onBothBackends<W extends object>(
  name: string,
  work: W,
): (GyreArm & W & { name: string })[] {
  return GYRE_BACKENDS.map((backend) => ({ name: `${backend} ${name}`, backend, ...work }))
}

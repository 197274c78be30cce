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

interface CaseBase {
  readonly name: string
  /** By what the arms are compared; by default the CPU time. */
  readonly figure?: Figure
  /** For what takes long: how many rounds at most, instead of those that were asked for. */
  readonly roundsMax?: number
  /**
   * How many rounds are not counted; by default two, until the compiler has seen enough. More for what
   * fills the heap: V8's space for young objects grows to its sixteenfold in the first rounds.
   */
  readonly warmUpRounds?: number
  /** Each round in a new process: for what an arm does only once, such as to grow. */
  readonly isFresh?: boolean
}

/** The same operation, many times: what one costs. */
export interface OperationCase extends CaseBase {
  readonly kind: 'operation'
  /** How many operations a round has. */
  readonly count: number
  /** Whether the arms may use every core, instead of the one that they are pinned to. */
  readonly isParallel?: boolean
  readonly arms: readonly OperationArm[]
}

/** A server under load: what a request costs it, and how long it takes. */
export interface ServerCase extends CaseBase {
  readonly kind: 'server'
  /** How many requests or connections a round has; 'timed': as many as fit the time of the load. */
  readonly count: number | 'timed'
  readonly load: Load
  readonly arms: readonly ServerArm[]
}

export type Load = MessageLoad | ConnectionLoad | DatagramLoad | HttpLoad | HandshakeLoad

/** Connections that stay, and messages that come back. */
export interface MessageLoad {
  readonly connections: number
  readonly messageBytes: number
  /** How many messages each connection has in flight. */
  readonly window: number
  /** Whether they speak TLS. */
  readonly isSecure?: boolean
}

/** Connections that shake hands by TLS, and go. */
export interface HandshakeLoad {
  readonly handshakesAtOnce: number
}

/** Connections come and go; with a message each that comes back, or without. */
export interface ConnectionLoad {
  /** How many are open at a time; 'all': those of a round stay until its end. */
  readonly open: number | 'all'
  readonly messageBytes: number
}

/** UDP sockets that stay, and datagrams that come back. */
export interface DatagramLoad {
  readonly sockets: number
  readonly datagramBytes: number
  /** How many datagrams each socket has in flight. */
  readonly window: number
}

/** Requests by HTTP/1.1, one after the other on each connection. */
export interface HttpLoad {
  readonly keptAlive: number
  /** How long a round is. */
  readonly seconds: number
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

/** What an arm measured itself, if it did. */
export type Own = Partial<Measurement> | void

/** Does `count` operations. The generator form keeps async functions out of what is measured. */
export type OperationArm =
  | (PlainArm & { readonly round: (count: number) => Own | Promise<Own> })
  | (GyreArm & {
      /** Makes what the steps need, before the measurement begins. */
      readonly prepare?: (count: number) => Coroutine<void>
      readonly steps: (count: number) => Coroutine<Own>
    })
  | (GyreArm & { readonly round: (count: number) => Promise<Own> })
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
  readonly rssBytes: number
  readonly rssPeakBytes: number
}

/** One round of one arm. Times are for one operation, request or connection. */
export interface Measurement {
  readonly cpuNs: number
  readonly wallNs: number
  readonly rssPeakBytes: number
  /** How long a request took, or how late a timer was. */
  readonly p50Us?: number
  readonly p99Us?: number
  /** Memory for each: heap and native, or what the process grew by. */
  readonly bytesEach?: number
}

/** What arms can be compared by. */
export type Figure = 'cpuNs' | 'wallNs' | 'p50Us' | 'p99Us' | 'bytesEach'

const GYRE_BACKENDS: readonly BackendName[] = ['native', 'fallback']

/** The same work on both backends of Gyre: two arms, named `native …` and `fallback …`. */
export function onBothBackends<W extends object>(
  name: string,
  work: W,
): (GyreArm & W & { name: string })[] {
  return GYRE_BACKENDS.map((backend) => ({ name: `${backend} ${name}`, backend, ...work }))
}

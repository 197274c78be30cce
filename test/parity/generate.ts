// Makes the random program of a seed. The same seed gives the same program on every machine and in
// every version of this file that the recorded traces were made with: whoever changes what comes out
// here records anew (`npm run parity:record`).
//
// Invariants: those of program.ts.

import { generateStructured } from './generate_structured.js'
import { type Profile, pickDelayMs, profileOf } from './profiles.js'
import type { Block, Item, Program, Resource, Statement, SyncStatement } from './program.js'
import { Random } from './random.js'
import { pickResource, syncCallOn, waitingCallOn } from './resources.js'

const slotCount = 6
const futureSlotCount = 2
const handleCount = 4
const timeoutCount = 3
const groupCount = 3
const depthMax = 3

/** Statements whose bodies are blocks: none of them at the deepest level. */
const nesting = new Set(['try', 'repeat', 'timeout', 'group', 'with'])
/** Statements that callbacks may contain, and how often. */
const inCallbacks = [
  ['log', 3],
  ['raise', 2],
  ['create', 3],
  ['cancel', 6],
  ['setResult', 5],
  ['setException', 3],
  ['inspect', 3],
  ['whoami', 1],
  ['callSoon', 2],
  ['callLater', 2],
  ['cancelHandle', 2],
  ['addCallback', 2],
  ['reschedule', 1],
  ['spawn', 1],
] as const

export function generate(seed: number): Program {
  return generateFor(profileOf(seed), seed)
}

/** The program of this profile that the seed gives, whatever profile the seed belongs to. */
export function generateFor(profile: Profile, seed: number): Program {
  if (profile.shape === 'structured') return generateStructured(seed, profile)
  return new Generator(seed, profile).program()
}

class Generator {
  private readonly random: Random
  private readonly resources: Resource[]
  private readonly coroutineCount: number
  private readonly callbackCount: number
  /** The coroutine or callback being written: it starts none but later ones. */
  private current = 0
  private inCallback = false

  constructor(
    private readonly seed: number,
    private readonly profile: Profile,
  ) {
    this.random = new Random(seed)
    this.coroutineCount = this.random.between(3, 7)
    this.callbackCount = this.random.between(2, 5)
    this.resources =
      profile.resources.length === 0
        ? []
        : Array.from({ length: this.random.between(1, 3) }, (_, index) =>
            pickResource(this.random, profile.resources, index),
          )
  }

  program(): Program {
    const coroutines: Block[] = []
    for (this.current = 0; this.current < this.coroutineCount; this.current++) {
      coroutines.push(this.current === 0 ? this.main() : this.block(1, this.random.between(1, 6)))
    }
    this.inCallback = true
    const callbacks: SyncStatement[][] = []
    for (this.current = 0; this.current < this.callbackCount; this.current++) {
      callbacks.push(this.callbackBody())
    }
    const { seed, resources } = this
    const { name, eager } = this.profile
    return { seed, profile: name, eager, coroutines, callbacks, resources }
  }

  /** Main first makes futures, mostly with something that completes them, and often ends with a pause. */
  private main(): Block {
    const { random } = this
    const body: Block = []
    const futures = random.between(0, 2)
    for (let slot = 0; slot < futures; slot++) {
      body.push({ op: 'future', slot })
      if (random.chance(60)) {
        const callback = random.below(this.callbackCount)
        const ms = pickDelayMs(random)
        body.push({ op: 'callLater', handle: random.below(handleCount), callback, ms })
      }
    }
    for (let tasks = random.between(1, 3); tasks > 0; tasks--) body.push(this.create())
    body.push(...this.block(0, random.between(3, 7)))
    if (random.chance(60)) body.push({ op: 'sleep', ms: random.pick([5, 10, 20, 40]) })
    return body
  }

  private callbackBody(): SyncStatement[] {
    const isInterrupting = this.profile.weights.some(([op]) => op === 'interrupt')
    const choices = isInterrupting ? [...inCallbacks, ['interrupt', 2] as const] : inCallbacks
    const body: SyncStatement[] = []
    for (let left = this.random.between(1, 3); left > 0; left--) {
      const op = this.random.weighted(choices)
      const statement = this.statement(op, depthMax)
      if (statement !== null) body.push(statement as SyncStatement)
    }
    return body
  }

  private block(depth: number, length: number): Block {
    const body: Block = []
    for (let tries = 0; body.length < length && tries < length * 3; tries++) {
      const op = this.random.weighted(this.profile.weights)
      if (nesting.has(op) && depth >= depthMax) continue
      const statement = this.statement(op, depth)
      if (statement !== null) body.push(this.guard(statement, depth))
    }
    return body
  }

  /** Most errors end where they occur: programs in which everything fails at once show little. */
  private guard(statement: Statement, depth: number): Statement {
    const { random } = this
    if (statement.op === 'try' || !random.chance(depth === 0 ? 75 : 35)) return statement
    if (depth > 0 && (statement.op === 'raise' || statement.op === 'raiseCancelled')) {
      return statement
    }
    const catches = random.chance(60) ? 'exception' : 'all'
    return { op: 'try', body: [statement], catches, handler: [], reraise: false, cleanup: null }
  }

  /** A block inside a statement at this depth. */
  private inner(depth: number, lengthMax = 4): Block {
    return this.block(depth + 1, this.random.between(1, lengthMax))
  }

  private statement(op: string, depth: number): Statement | null {
    const { random } = this
    switch (op) {
      case 'log':
        return { op, value: random.below(100) }
      case 'raise':
        return { op, error: `e${random.below(20)}` }
      case 'return':
        return random.chance(50) ? { op, value: random.below(100) } : null
      case 'raiseCancelled':
      case 'cancelSelf':
        return { op, reason: this.reason() }
      case 'uncancel':
      case 'cancelling':
      case 'whoami':
      case 'interrupt':
        return { op }
      case 'sleep':
        return { op, ms: random.chance(3) ? -1 : pickDelayMs(random) }
      case 'future':
        return { op, slot: this.futureSlot() }
      case 'await':
        return { op, slot: this.slot() }
      case 'create':
        return this.canStart() ? this.create() : null
      case 'call':
        return this.canStart() ? { op, coro: this.coroutine() } : null
      case 'cancel':
        return { op, slot: this.slot(), reason: this.reason() }
      case 'setResult':
        return { op, slot: this.futureSlot(), value: random.below(100) }
      case 'setException':
        return { op, slot: this.futureSlot(), error: `e${random.below(20)}` }
      case 'inspect':
        return { op, slot: this.slot(), what: random.pick(['state', 'result', 'exception']) }
      case 'repeat':
        return { op, times: random.between(2, 3), body: this.inner(depth, 2) }
      case 'try':
        return this.tryStatement(depth)
      case 'spawn':
        return this.spawn()
      case 'group':
        return this.group(depth)
      case 'use':
      case 'waitOn':
      case 'with':
        return this.onResource(op, depth)
      default:
        return this.combination(op, depth) ?? this.scheduling(op)
    }
  }

  private combination(op: string, depth: number): Statement | null {
    const { random } = this
    switch (op) {
      case 'gather': {
        const items = this.items(random.chance(5) ? 0 : random.between(1, 3))
        return { op, items, returnExceptions: random.chance(40), slot: this.maybeSlot() }
      }
      case 'wait': {
        const items = this.items(random.chance(3) ? 0 : random.between(1, 3))
        const until = random.pick(['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED'] as const)
        return { op, items, timeout: this.maybeDelay(), until }
      }
      case 'asCompleted':
        return {
          op,
          items: this.items(random.between(1, 3)),
          timeout: this.maybeDelay(),
          take: random.between(1, 4),
        }
      case 'waitFor':
        return { op, item: this.item(0), ms: random.chance(5) ? -1 : this.maybeDelay(85) }
      case 'shield':
        return { op, item: this.item(0), slot: this.maybeSlot() }
      case 'timeout': {
        const timeout = random.below(timeoutCount)
        const ms = random.chance(4) ? -1 : this.maybeDelay(90)
        return { op, timeout, ms, at: random.chance(30), body: this.inner(depth) }
      }
      default:
        return null
    }
  }

  private scheduling(op: string): Statement | null {
    const { random } = this
    switch (op) {
      case 'callSoon': {
        const callback = this.callback()
        return callback === null ? null : { op, handle: random.below(handleCount), callback }
      }
      case 'callLater':
      case 'callAt': {
        const callback = this.callback()
        if (callback === null) return null
        return { op, handle: random.below(handleCount), callback, ms: pickDelayMs(random) }
      }
      case 'cancelHandle':
        return { op, handle: random.below(handleCount) }
      case 'addCallback':
      case 'removeCallback': {
        const callback = this.callback()
        return callback === null ? null : { op, slot: this.slot(), callback }
      }
      case 'reschedule':
        return { op, timeout: random.below(timeoutCount), ms: this.maybeDelay(80) }
      case 'inspectTimeout':
        return { op, timeout: random.below(timeoutCount) }
      default:
        throw new Error(`no such statement: ${op}`)
    }
  }

  private tryStatement(depth: number): Statement {
    const { random } = this
    const cleanup = random.chance(45) ? this.inner(depth, 3) : null
    const catches =
      cleanup !== null && random.chance(40)
        ? null
        : random.pick(['cancelled', 'cancelled', 'app', 'exception', 'all'] as const)
    return {
      op: 'try',
      body: this.inner(depth),
      catches,
      handler: catches === null || random.chance(25) ? [] : this.inner(depth, 3),
      reraise: catches !== null && random.chance(35),
      cleanup,
    }
  }

  /** A group's body mostly begins by starting tasks in it: an empty group shows little. */
  private group(depth: number): Statement {
    const { random } = this
    const group = random.below(groupCount)
    const body: Block = []
    for (let tasks = random.between(0, 3); tasks > 0 && this.canStart(); tasks--) {
      body.push({ op: 'spawn', group, slot: this.taskSlot(), coro: this.coroutine() })
    }
    body.push(...this.inner(depth, 3))
    return { op: 'group', group, body }
  }

  private spawn(): Statement | null {
    if (!this.canStart()) return null
    const group = this.random.below(groupCount)
    return { op: 'spawn', group, slot: this.taskSlot(), coro: this.coroutine() }
  }

  private create(): Statement {
    const eager = this.random.chance(10)
    return { op: 'create', slot: this.taskSlot(), coro: this.coroutine(), eager }
  }

  private onResource(op: 'use' | 'waitOn' | 'with', depth: number): Statement | null {
    const { random } = this
    const resource = random.below(this.resources.length)
    const kind = (this.resources[resource] as Resource).kind
    const value = random.between(0, 3)
    if (op === 'use') {
      const call = syncCallOn(random, kind)
      return { op, resource, call, value }
    }
    if (op === 'waitOn') {
      const call = waitingCallOn(random, kind)
      return { op, resource, call, value }
    }
    const withable = ['lock', 'condition', 'semaphore', 'boundedSemaphore'].includes(kind)
    return withable ? { op, resource, body: this.inner(depth, 3) } : null
  }

  private items(count: number): Item[] {
    return Array.from({ length: count }, (_, index) => this.item(index))
  }

  private item(index: number): Item {
    const { random } = this
    if (index > 0 && random.chance(12)) return { again: random.below(index) }
    if (this.canStart() && random.chance(55)) return { coro: this.coroutine() }
    return { slot: this.slot() }
  }

  /** Whether there is a later coroutine that the current one may start. */
  private canStart(): boolean {
    return this.inCallback || this.current < this.coroutineCount - 1
  }

  private coroutine(): number {
    const first = this.inCallback ? 1 : this.current + 1
    return this.random.between(first, this.coroutineCount - 1)
  }

  private callback(): number | null {
    if (!this.inCallback) return this.random.below(this.callbackCount)
    if (this.current >= this.callbackCount - 1) return null
    return this.random.between(this.current + 1, this.callbackCount - 1)
  }

  private slot(): number {
    return this.random.below(slotCount)
  }

  /** Mostly one of the slots for futures: a task cannot be given a result. */
  private futureSlot(): number {
    return this.random.chance(90) ? this.random.below(futureSlotCount) : this.slot()
  }

  /** Mostly one of the slots for tasks. */
  private taskSlot(): number {
    return this.random.chance(90)
      ? this.random.between(futureSlotCount, slotCount - 1)
      : this.slot()
  }

  private maybeSlot(): number | null {
    return this.random.chance(35) ? this.taskSlot() : null
  }

  private maybeDelay(percent = 60): number | null {
    return this.random.chance(percent) ? pickDelayMs(this.random) : null
  }

  private reason(): string | null {
    return this.random.chance(50) ? `r${this.random.below(20)}` : null
  }
}

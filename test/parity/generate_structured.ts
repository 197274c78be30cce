// Makes the structured program of a seed: a tree of groups, timeouts, waits, gathers, shields and locks
// around one another, every child with a coroutine of its own, and somebody outside who kills at instants
// that tie with its timers. `generate.ts` makes flat programs, whose coroutines share everything.
// As there, whoever changes what comes out here records anew (`npm run parity:record`).
//
// Invariants: those of program.ts. Children are numbered after their parents, as the tree is written down
// from the root.

import { type Profile, pickDelayMs } from './profiles.js'
import type { Block, Item, Program, Resource, Statement, SyncStatement } from './program.js'
import { Random } from './random.js'
import { pickResource, syncCallOn, waitingCallOn } from './resources.js'

const slotCount = 9
/** Where environment.ts keeps main. */
const mainSlot = 5
const handleCount = 4
/** How many coroutines and statements a program has at most, give or take a block. */
const coroutinesMax = 14
const statementsMax = 70

/** Statements with blocks or coroutines of their own: none of them at the leaves of the tree. */
const branching = new Set([
  'try',
  'repeat',
  'timeout',
  'group',
  'with',
  'create',
  'call',
  'spawn',
  'gather',
  'wait',
  'asCompleted',
  'waitFor',
  'shield',
])

const inCallbacks = [
  ['cancel', 10],
  ['setResult', 5],
  ['setException', 3],
  ['raise', 2],
  ['log', 1],
  ['inspect', 2],
  ['callLater', 2],
  ['reschedule', 3],
] as const

export function generateStructured(seed: number, profile: Profile): Program {
  return new Tree(seed, profile).program()
}

class Tree {
  private readonly random: Random
  private readonly resources: Resource[]
  private readonly coroutines: Block[] = []
  private readonly callbacks: SyncStatement[][] = []
  /** Slots that something is put into, the latest last. */
  private readonly usedSlots: number[] = []
  private slotsTaken = 0
  private statementsLeft = statementsMax
  private timeouts = 0
  private groups = 0
  /** The timeouts and groups around what is written. */
  private readonly openTimeouts: number[] = []
  private readonly openGroups: number[] = []

  constructor(
    private readonly seed: number,
    private readonly profile: Profile,
  ) {
    this.random = new Random(seed)
    const count = profile.resources.length === 0 ? 0 : this.random.between(1, 2)
    this.resources = Array.from({ length: count }, (_, index) =>
      pickResource(this.random, profile.resources, index),
    )
  }

  program(): Program {
    const { random, seed, resources, coroutines, callbacks } = this
    const body: Block = []
    coroutines.push(body)
    for (let futures = random.between(0, 2); futures > 0; futures--) body.push(...this.future())
    for (let tasks = random.between(0, 2); tasks > 0; tasks--) body.push(...this.task(2))
    for (let parts = random.between(1, 3); parts > 0; parts--) {
      const part = this.statement(random.weighted(this.profile.weights), random.between(3, 4))
      if (part !== null) body.push(...this.caught(part, 80))
    }
    if (random.chance(10)) body.unshift(this.kill(mainSlot))
    if (random.chance(60)) body.push({ op: 'sleep', ms: random.pick([3, 5, 10]) })
    const { name, eager } = this.profile
    return { seed, profile: name, eager, coroutines, callbacks, resources }
  }

  /** A future and, mostly, who completes it. */
  private future(): Block {
    const { random } = this
    const slot = this.newSlot()
    const statements: Block = [{ op: 'future', slot }]
    if (random.chance(80)) {
      const value = random.below(100)
      const act: SyncStatement = random.chance(65)
        ? { op: 'setResult', slot, value }
        : random.chance(50)
          ? { op: 'setException', slot, error: `e${value}` }
          : { op: 'cancel', slot, reason: this.reason() }
      statements.push(this.later([act]))
    }
    return statements
  }

  /** A task and, sometimes, who kills it. */
  private task(depth: number): Block {
    const coro = this.coroutine(depth)
    const slot = this.newSlot()
    const eager = this.random.chance(12)
    return [{ op: 'create', slot, coro, eager }, ...this.maybeKill(slot)]
  }

  private maybeKill(slot: number): Block {
    return this.random.chance(35) ? [this.kill(slot)] : []
  }

  private kill(slot: number): Statement {
    const acts: SyncStatement[] = [{ op: 'cancel', slot, reason: this.reason() }]
    if (this.random.chance(15)) acts.push({ op: 'cancel', slot, reason: this.reason() })
    if (this.random.chance(10)) acts.push({ op: 'raise', error: 'killer' })
    return this.later(acts)
  }

  private later(acts: SyncStatement[]): SyncStatement {
    const handle = this.random.below(handleCount)
    const callback = this.callbacks.push(acts) - 1
    if (this.random.chance(12)) return { op: 'callSoon', handle, callback }
    return { op: 'callLater', handle, callback, ms: pickDelayMs(this.random) }
  }

  private callback(): number {
    const acts: SyncStatement[] = []
    const callback = this.callbacks.push(acts) - 1
    for (let left = this.random.between(1, 2); left > 0; left--) {
      const act = this.statement(this.random.weighted(inCallbacks), 0)
      if (act !== null) acts.push(...(act as SyncStatement[]))
    }
    return callback
  }

  /** A new coroutine: a subtree of its own. */
  private coroutine(depth: number): number {
    const body: Block = []
    const coro = this.coroutines.push(body) - 1
    const { openTimeouts } = this
    const outer = openTimeouts.splice(0)
    body.push(...this.block(depth, this.random.between(1, 3)))
    openTimeouts.push(...outer)
    return coro
  }

  private block(depth: number, length: number): Block {
    const body: Block = []
    for (let tries = 0; body.length < length && tries < length * 3; tries++) {
      const op = this.random.weighted(this.profile.weights)
      const statements = this.statement(op, depth)
      if (statements !== null) body.push(...this.caught(statements, branching.has(op) ? 30 : 0))
    }
    return body.length > 0 ? body : [{ op: 'sleep', ms: pickDelayMs(this.random) }]
  }

  /** Some errors end where they occur: programs in which everything fails at once show little. */
  private caught(body: Block, percent: number): Block {
    const { random } = this
    if (!random.chance(percent)) return body
    const catches = random.pick(['exception', 'all', 'cancelled'] as const)
    return [{ op: 'try', body, catches, handler: [], reraise: false, cleanup: null }]
  }

  private statement(op: string, depth: number): Block | null {
    const isFull = this.coroutines.length >= coroutinesMax || this.statementsLeft <= 0
    if (branching.has(op) && (depth <= 0 || isFull)) return null
    this.statementsLeft--
    return this.branch(op, depth) ?? this.combination(op, depth) ?? this.leaf(op)
  }

  /** What has blocks of its own. */
  private branch(op: string, depth: number): Block | null {
    const { random } = this
    switch (op) {
      case 'try':
        return [this.tryStatement(depth)]
      case 'repeat':
        return [{ op, times: random.between(2, 3), body: this.inner(depth, 2) }]
      case 'create':
        return this.task(depth - 1)
      case 'call':
        return [{ op, coro: this.coroutine(depth - 1) }]
      case 'spawn':
        return this.spawn(depth)
      case 'group':
        return [this.group(depth)]
      case 'timeout':
        return [this.timeout(depth)]
      case 'with': {
        const resource = random.below(this.resources.length)
        const { kind } = this.resources[resource] as Resource
        const isLock = ['lock', 'condition', 'semaphore', 'boundedSemaphore'].includes(kind)
        return isLock ? [{ op, resource, body: this.inner(depth, 3) }] : null
      }
      default:
        return null
    }
  }

  /** What takes items. */
  private combination(op: string, depth: number): Block | null {
    const { random } = this
    switch (op) {
      case 'gather': {
        const items = this.items(depth, random.between(1, 3))
        const slot = random.chance(30) ? this.newSlot() : null
        const gathered: Block = [{ op, items, returnExceptions: random.chance(40), slot }]
        return slot === null ? gathered : [...gathered, ...this.maybeKill(slot)]
      }
      case 'shield': {
        const item = this.item(depth)
        const slot = random.chance(30) ? this.newSlot() : null
        const shielded: Block = [{ op, item, slot }]
        return slot === null ? shielded : [...shielded, ...this.maybeKill(slot)]
      }
      case 'wait': {
        const items = this.items(depth, random.between(1, 3))
        const until = random.pick(['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED'] as const)
        return [{ op, items, timeout: this.maybeDelay(50), until }]
      }
      case 'asCompleted': {
        const items = this.items(depth, random.between(1, 3))
        return [{ op, items, timeout: this.maybeDelay(40), take: random.between(1, 4) }]
      }
      case 'waitFor':
        return [{ op, item: this.item(depth), ms: this.maybeDelay(90) }]
      default:
        return null
    }
  }

  private leaf(op: string): Block | null {
    const { random } = this
    switch (op) {
      case 'log':
        return [{ op, value: random.below(100) }]
      case 'raise':
        return [{ op, error: `e${random.below(20)}` }]
      case 'return':
        return random.chance(50) ? [{ op, value: random.below(100) }] : null
      case 'raiseCancelled':
      case 'cancelSelf':
        return [{ op, reason: this.reason() }]
      case 'uncancel':
      case 'cancelling':
        return [{ op }]
      case 'sleep':
        return [{ op, ms: pickDelayMs(random) }]
      case 'future':
        return this.future()
      case 'await':
        return [{ op, slot: this.slot() }]
      case 'cancel':
        return [{ op, slot: this.slot(), reason: this.reason() }]
      case 'setResult':
        return [{ op, slot: this.slot(), value: random.below(100) }]
      case 'setException':
        return [{ op, slot: this.slot(), error: `e${random.below(20)}` }]
      case 'inspect':
        return [{ op, slot: this.slot(), what: random.pick(['state', 'result', 'exception']) }]
      case 'callLater': {
        const handle = random.below(handleCount)
        return [{ op, handle, callback: this.callback(), ms: pickDelayMs(random) }]
      }
      case 'cancelHandle':
        return [{ op, handle: random.below(handleCount) }]
      case 'addCallback':
        return [{ op, slot: this.slot(), callback: this.callback() }]
      case 'reschedule':
        return [{ op, timeout: this.someTimeout(), ms: this.maybeDelay(85) }]
      case 'inspectTimeout':
        return [{ op, timeout: this.someTimeout() }]
      case 'use':
      case 'waitOn':
        return [this.onResource(op)]
      default:
        return null
    }
  }

  /** A block inside a statement at this depth. */
  private inner(depth: number, lengthMax: number): Block {
    return this.block(depth - 1, this.random.between(1, lengthMax))
  }

  private tryStatement(depth: number): Statement {
    const { random } = this
    const cleanup = random.chance(50) ? this.inner(depth, 2) : null
    const catches =
      cleanup !== null && random.chance(40)
        ? null
        : random.pick(['cancelled', 'cancelled', 'app', 'exception', 'all'] as const)
    const handler = catches === null || random.chance(30) ? [] : this.inner(depth, 2)
    // Who swallows a cancellation should take it back; most do.
    if (catches === 'cancelled' && random.chance(40)) handler.unshift({ op: 'uncancel' })
    if (cleanup !== null && random.chance(15)) cleanup.push({ op: 'return', value: 7 })
    const reraise = catches !== null && random.chance(35)
    return { op: 'try', body: this.inner(depth, 3), catches, handler, reraise, cleanup }
  }

  private group(depth: number): Statement {
    const { random } = this
    const group = this.groups++
    this.openGroups.push(group)
    const body: Block = []
    for (let tasks = random.between(1, 3); tasks > 0; tasks--) {
      if (this.coroutines.length < coroutinesMax) body.push(...this.spawn(depth))
    }
    if (random.chance(65)) body.push(...this.inner(depth, 2))
    this.openGroups.pop()
    return { op: 'group', group, body }
  }

  /** Mostly into the innermost group; sometimes into one that may have ended. */
  private spawn(depth: number): Block {
    const { random, openGroups } = this
    const innermost = openGroups.at(-1)
    const group =
      innermost !== undefined && random.chance(85) ? innermost : random.below(this.groups + 1)
    const coro = this.coroutine(depth - 1)
    const slot = this.newSlot()
    return [{ op: 'spawn', group, slot, coro }, ...this.maybeKill(slot)]
  }

  private timeout(depth: number): Statement {
    const { random } = this
    const timeout = this.timeouts++
    const ms = random.chance(4) ? -1 : this.maybeDelay(90)
    const at = random.chance(35)
    this.openTimeouts.push(timeout)
    const body = this.inner(depth, 3)
    this.openTimeouts.pop()
    return { op: 'timeout', timeout, ms, at, body }
  }

  private onResource(op: 'use' | 'waitOn'): Statement {
    const { random } = this
    const resource = random.below(this.resources.length)
    const { kind } = this.resources[resource] as Resource
    const value = random.between(0, 3)
    return op === 'use'
      ? { op, resource, call: syncCallOn(random, kind), value }
      : { op, resource, call: waitingCallOn(random, kind), value }
  }

  private items(depth: number, count: number): Item[] {
    return Array.from({ length: count }, () => this.item(depth))
  }

  private item(depth: number): Item {
    const { random } = this
    if (random.chance(25)) return { slot: this.slot() }
    if (depth > 1 && random.chance(30)) {
      const returnExceptions = random.chance(40)
      switch (random.weighted([...nested, ...(this.resources.length > 0 ? waits : [])])) {
        case 'gather':
          return { gather: this.items(depth - 1, random.between(0, 2)), returnExceptions }
        case 'shield':
          return { shield: this.item(depth - 1) }
        case 'waitFor':
          return { waitFor: this.item(depth - 1), ms: this.maybeDelay(90) }
        case 'waitOn': {
          const waitOn = random.below(this.resources.length)
          const { kind } = this.resources[waitOn] as Resource
          return { waitOn, call: waitingCallOn(random, kind), value: random.between(0, 3) }
        }
      }
    }
    if (this.coroutines.length >= coroutinesMax) return { slot: this.slot() }
    return { coro: this.coroutine(depth - 1) }
  }

  private newSlot(): number {
    const slot = this.slotsTaken++ % (slotCount - 1)
    const taken = slot >= mainSlot ? slot + 1 : slot
    this.usedSlots.push(taken)
    return taken
  }

  /** Mostly one that something was put into lately. */
  private slot(): number {
    const { random, usedSlots } = this
    if (usedSlots.length === 0 || random.chance(5)) return random.below(slotCount)
    const fromEnd = random.chance(60) ? random.below(3) : random.below(usedSlots.length)
    return usedSlots.at(-1 - fromEnd) ?? (usedSlots[0] as number)
  }

  /** Mostly one of those around. */
  private someTimeout(): number {
    const { random, openTimeouts } = this
    if (openTimeouts.length > 0 && random.chance(85)) return random.pick(openTimeouts)
    return random.below(this.timeouts + 1)
  }

  private maybeDelay(percent: number): number | null {
    return this.random.chance(percent) ? pickDelayMs(this.random) : null
  }

  private reason(): string | null {
    return this.random.chance(50) ? `r${this.random.below(20)}` : null
  }
}

const nested = [
  ['gather', 3],
  ['shield', 4],
  ['waitFor', 5],
] as const
const waits = [['waitOn', 8]] as const

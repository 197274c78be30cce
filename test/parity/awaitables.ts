// What the items of gather, wait, asCompleted, waitFor and shield stand for. Items that are empty or may
// not be awaited (ranks.ts) are left out.

import { type Future, gather, isFuture, shield, waitFor } from 'gyre'
import type { Environment, Started } from './environment.js'
import type { Item, Nested } from './program.js'
import { plainRank } from './ranks.js'

export type Awaitables = {
  /** Each with its position among the items. */
  members: [number, Started][]
  /** The lowest among them. */
  rank: number
}

export type AwaitablesOptions = {
  /** False where what is awaited is no member itself, so that no circle can come about. */
  guarded?: boolean
  /** True where coroutines are made tasks first. */
  asTasks?: boolean
}

type Made = { started: Started; rank: number; name?: string }

export function awaitables(
  env: Environment,
  items: readonly Item[],
  options: AwaitablesOptions = {},
): Awaitables {
  const { guarded = true, asTasks = false } = options
  const all = new Map<number, Started>()
  let rank = plainRank
  items.forEach((item, position) => {
    if ('again' in item) {
      if (all.has(item.again)) all.set(position, all.get(item.again))
      return
    }
    const made = make(env, item, guarded)
    if (made === null) return
    rank = Math.min(rank, made.rank)
    all.set(position, asTasks ? asTask(env, made) : made.started)
  })
  return { members: [...all], rank }
}

function make(env: Environment, item: Exclude<Item, { again: number }>, guarded: boolean) {
  if ('slot' in item) {
    const future = env.slots.get(item.slot)
    if (future === undefined || (guarded && !env.ranks.mayAwait(future))) return null
    return { started: future, rank: env.ranks.of(future) }
  }
  if (!('coro' in item)) return makeNested(env, item)
  const instance = env.ranks.instance(item.coro)
  if (instance === null) return null
  return { started: env.start(instance), rank: instance.rank, name: instance.label }
}

function makeNested(env: Environment, item: Nested): Made | null {
  if ('waitOn' in item) {
    const started = env.resources[item.waitOn]!.waitOn(item.call, item.value)
    return { started, rank: plainRank }
  }
  const inner = 'gather' in item ? item.gather : ['shield' in item ? item.shield : item.waitFor]
  const { members, rank } = awaitables(env, inner)
  const coros = members.map(([, member]) => member)
  if ('gather' in item) {
    const { returnExceptions } = item
    return { started: gather(coros, { returnExceptions }), rank }
  }
  if (coros.length === 0) return null
  if ('waitFor' in item && isFuture(coros[0])) env.ranks.holdForLater(coros[0])
  return { started: 'shield' in item ? shield(coros[0]) : waitFor(coros[0], item.ms), rank }
}

function asTask(env: Environment, { started, rank, name }: Made): Future<unknown> {
  if (isFuture(started)) return started
  const task = env.loop.createTask(started, name === undefined ? {} : { name })
  env.ranks.keep(task, rank)
  return task
}

/** The positions of the members that are in the set. */
export function positionsIn(members: [number, Started][], set: Set<Future<unknown>>): number[] {
  return members.filter(([, member]) => set.has(member)).map(([position]) => position)
}

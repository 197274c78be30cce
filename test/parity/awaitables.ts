// What the items of gather, wait, asCompleted, waitFor and shield stand for. Items that are empty or may
// not be awaited (ranks.ts) are left out.

import type { Future } from 'gyre'
import type { Environment, Started } from './environment.js'
import type { Item } from './program.js'
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

export function awaitables(
  env: Environment,
  items: readonly Item[],
  options: AwaitablesOptions = {},
): Awaitables {
  const { guarded = true, asTasks = false } = options
  const made = new Map<number, Started>()
  let rank = plainRank
  items.forEach((item, position) => {
    if ('again' in item) {
      if (made.has(item.again)) made.set(position, made.get(item.again))
    } else if ('slot' in item) {
      const future = env.slots.get(item.slot)
      if (future === undefined || (guarded && !env.ranks.mayAwait(future))) return
      rank = Math.min(rank, env.ranks.of(future))
      made.set(position, future)
    } else {
      const instance = env.ranks.instance(item.coro)
      if (instance === null) return
      rank = Math.min(rank, instance.rank)
      let started = env.start(instance)
      if (asTasks) {
        started = env.loop.createTask(started, { name: instance.label })
        env.ranks.keep(started, instance.rank)
      }
      made.set(position, started)
    }
  })
  return { members: [...made], rank }
}

/** The positions of the members that are in the set. */
export function positionsIn(members: [number, Started][], set: Set<Future<unknown>>): number[] {
  return members.filter(([, member]) => set.has(member)).map(([position]) => position)
}

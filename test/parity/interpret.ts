// Runs the coroutines of a program as generator coroutines: statements that may wait, with a line before
// and after each. oracle/waiting.py is the same for CPython, interpret_async.ts for async functions.

import {
  asCompleted,
  type Future,
  gather,
  KeyboardInterrupt,
  shield,
  sleep,
  taskGroup,
  timeout,
  timeoutAt,
  wait,
  waitFor,
} from 'gyre'
import { awaitables, positionsIn } from './awaitables.js'
import { catchesError, Returned } from './control_flow.js'
import type { Environment } from './environment.js'
import type { Block, Statement, WaitingStatement } from './program.js'
import { type Instance, skip } from './ranks.js'
import type { Style } from './run_program.js'
import { isSync, runSync } from './statements.js'
import { describe, describeError } from './trace.js'

/** Coroutines as generator functions: the order of events is asyncio's. */
export const generators: Style = {
  start: runInstance,
  *main(begin) {
    return yield* begin()
  },
}

type Coroutine<T> = Generator<Future<unknown>, T, unknown>
type Of<Op extends WaitingStatement['op']> = WaitingStatement & { op: Op }

function* runInstance(env: Environment, instance: Instance): Coroutine<unknown> {
  env.entered(instance)
  env.log(instance, 'start')
  try {
    const returned = yield* runBlock(env, instance, env.body(instance))
    const value = returned === null ? instance.label : returned.value
    env.log(instance, `returned ${value}`)
    return value
  } catch (error) {
    if (error instanceof KeyboardInterrupt) throw error
    env.log(instance, `failed ${describeError(error)}`)
    throw error
  } finally {
    if (instance.coro === 0) env.mainEnded()
  }
}

function* runBlock(env: Environment, instance: Instance, block: Block): Coroutine<Returned | null> {
  for (const statement of block) {
    const returned = yield* runStatement(env, instance, statement)
    if (returned !== null) return returned
  }
  return null
}

function* runStatement(
  env: Environment,
  instance: Instance,
  s: Statement,
): Coroutine<Returned | null> {
  try {
    if (isSync(s)) {
      env.log(instance, `= ${s.op} ${describe(runSync(env, s))}`)
      return null
    }
    env.log(instance, `> ${s.op}`)
    const value = yield* runWaiting(env, instance, s)
    if (value instanceof Returned) {
      env.log(instance, `< ${s.op} returns`)
      return value
    }
    env.log(instance, `< ${s.op} ${describe(value)}`)
    return null
  } catch (error) {
    if (error instanceof KeyboardInterrupt) throw error
    env.log(instance, `x ${s.op} ${describeError(error)}`)
    throw error
  }
}

function* runWaiting(
  env: Environment,
  instance: Instance,
  s: WaitingStatement,
): Coroutine<unknown> {
  switch (s.op) {
    case 'sleep':
      return yield* sleep(s.ms)
    case 'return':
      return new Returned(s.value)
    case 'call': {
      const made = env.ranks.instance(s.coro)
      return made === null ? skip : yield* runInstance(env, made)
    }
    case 'await': {
      const target = env.slots.get(s.slot)
      if (target === undefined) return skip
      if (!env.ranks.mayAwait(target) && !env.ranks.mayAwaitItself(target)) return skip
      return yield* target
    }
    case 'repeat':
      for (let i = 0; i < s.times; i++) {
        const returned = yield* runBlock(env, instance, s.body)
        if (returned !== null) return returned
      }
      return null
    case 'try':
      return yield* runTry(env, instance, s)
    case 'timeout':
    case 'group':
    case 'with':
      return yield* runWithin(env, instance, s)
    case 'waitOn':
      return yield* env.resources[s.resource]!.waitOn(s.call, s.value)
    case 'gather':
    case 'shield':
      return yield* runFuture(env, s)
    case 'wait':
      return yield* runWait(env, s)
    case 'asCompleted':
      return yield* runAsCompleted(env, instance, s)
    case 'waitFor': {
      const { members } = awaitables(env, [s.item])
      return members.length === 0 ? skip : yield* waitFor(members[0]![1], s.ms)
    }
  }
}

function* runTry(env: Environment, instance: Instance, s: Of<'try'>): Coroutine<Returned | null> {
  try {
    return yield* runBlock(env, instance, s.body)
  } catch (error) {
    if (!catchesError(s.catches, error)) throw error
    env.log(instance, `= caught ${describeError(error)}`)
    const returned = yield* runBlock(env, instance, s.handler)
    if (s.reraise && returned === null) throw error
    return returned
  } finally {
    if (s.cleanup !== null) {
      env.log(instance, '= finally')
      const replaced = yield* runBlock(env, instance, s.cleanup)
      // biome-ignore lint/correctness/noUnsafeFinally: as Python's return in finally
      if (replaced !== null) return replaced
    }
  }
}

/** Statements that run a block inside something of Gyre's. */
function* runWithin(
  env: Environment,
  instance: Instance,
  s: Of<'timeout'> | Of<'group'> | Of<'with'>,
): Coroutine<Returned | null> {
  const { body } = s
  if (s.op === 'with') {
    return yield* env.resources[s.resource]!.with(() => runBlock(env, instance, body))
  }
  if (s.op === 'group') {
    return yield* taskGroup(function* (group) {
      env.groups.set(s.group, group)
      return yield* runBlock(env, instance, body)
    })
  }
  const begin = s.at && s.ms !== null ? timeoutAt : timeout
  return yield* begin(begin === timeout ? s.ms : env.loop.time() + s.ms!, function* (entered) {
    env.timeouts.set(s.timeout, entered)
    return yield* runBlock(env, instance, body)
  })
}

function* runFuture(env: Environment, s: Of<'gather'> | Of<'shield'>): Coroutine<unknown> {
  const { members, rank } = awaitables(env, s.op === 'gather' ? s.items : [s.item])
  if (s.op === 'shield' && members.length === 0) return skip
  const coros = members.map(([, member]) => member)
  const future: Future<unknown> =
    s.op === 'gather' ? gather(coros, { returnExceptions: s.returnExceptions }) : shield(coros[0])
  if (s.slot === null) return yield* future
  env.store(s.slot, future, rank)
  return null
}

function* runWait(env: Environment, s: Of<'wait'>): Coroutine<unknown> {
  const { members } = awaitables(env, s.items, { guarded: false, asTasks: true })
  const { done, pending } = yield* wait(
    members.map(([, member]) => member as Future<unknown>),
    { timeout: s.timeout, returnWhen: s.until },
  )
  return [positionsIn(members, done), positionsIn(members, pending)]
}

function* runAsCompleted(
  env: Environment,
  instance: Instance,
  s: Of<'asCompleted'>,
): Coroutine<unknown> {
  const { members } = awaitables(env, s.items, { guarded: false })
  const order = asCompleted(
    members.map(([, member]) => member as Future<unknown>),
    { timeout: s.timeout },
  )[Symbol.iterator]()
  for (let i = 0; i < s.take; i++) {
    const next = order.next()
    if (next.done === true) return 'exhausted'
    try {
      env.log(instance, `= next ${describe(yield* next.value)}`)
    } catch (error) {
      if (!catchesError('exception', error)) throw error
      env.log(instance, `= next ${describeError(error)}`)
    }
  }
  return null
}

// Runs the coroutines of a program as async functions: interpret.ts with `await` for `yield*`.

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
import type { Block, WaitingStatement } from './program.js'
import { type Instance, skip } from './ranks.js'
import type { Style } from './run_program.js'
import { isSync, runSync, type Simple } from './statements.js'
import { describe, describeError } from './trace.js'

/** Coroutines as async functions: the same outcomes at the same times, in an order of their own. */
export const asyncFunctions: Style = {
  start: (env, instance) => () => runInstance(env, instance),
  main: (begin) => async () => await begin()(),
}

type Of<Op extends WaitingStatement['op']> = WaitingStatement & { op: Op }

async function runInstance(env: Environment, instance: Instance): Promise<unknown> {
  env.entered(instance)
  env.log(instance, 'start')
  try {
    const returned = await runBlock(env, instance, env.body(instance))
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

async function runBlock(
  env: Environment,
  instance: Instance,
  block: Block,
): Promise<Returned | null> {
  for (const s of block) {
    // Without an await: a generator does not give way here either.
    if (isSync(s)) runSimple(env, instance, s)
    else {
      const returned = await runStatement(env, instance, s)
      if (returned !== null) return returned
    }
  }
  return null
}

function runSimple(env: Environment, instance: Instance, s: Simple): void {
  try {
    env.log(instance, `= ${s.op} ${describe(runSync(env, s))}`)
  } catch (error) {
    if (!(error instanceof KeyboardInterrupt)) {
      env.log(instance, `x ${s.op} ${describeError(error)}`)
    }
    throw error
  }
}

async function runStatement(
  env: Environment,
  instance: Instance,
  s: WaitingStatement,
): Promise<Returned | null> {
  try {
    env.log(instance, `> ${s.op}`)
    const value = await runWaiting(env, instance, s)
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

async function runWaiting(
  env: Environment,
  instance: Instance,
  s: WaitingStatement,
): Promise<unknown> {
  switch (s.op) {
    case 'sleep':
      return await sleep(s.ms)
    case 'return':
      return new Returned(s.value)
    case 'call': {
      const made = env.ranks.instance(s.coro)
      return made === null ? skip : await runInstance(env, made)
    }
    case 'await': {
      const target = env.slots.get(s.slot)
      if (target === undefined) return skip
      if (!env.ranks.mayAwait(target) && !env.ranks.mayAwaitItself(target)) return skip
      return await target
    }
    case 'repeat':
      for (let i = 0; i < s.times; i++) {
        const returned = await runBlock(env, instance, s.body)
        if (returned !== null) return returned
      }
      return null
    case 'try':
      return await runTry(env, instance, s)
    case 'timeout':
    case 'group':
    case 'with':
      return await runWithin(env, instance, s)
    case 'waitOn':
      return await env.resources[s.resource]!.awaitOn(s.call, s.value)
    case 'gather':
    case 'shield':
      return await runFuture(env, s)
    case 'wait':
      return await runWait(env, s)
    case 'asCompleted':
      return await runAsCompleted(env, instance, s)
    case 'waitFor': {
      const { members } = awaitables(env, [s.item])
      return members.length === 0 ? skip : await waitFor(members[0]![1], s.ms)
    }
  }
}

async function runTry(
  env: Environment,
  instance: Instance,
  s: Of<'try'>,
): Promise<Returned | null> {
  try {
    return await runBlock(env, instance, s.body)
  } catch (error) {
    if (!catchesError(s.catches, error)) throw error
    env.log(instance, `= caught ${describeError(error)}`)
    const returned = await runBlock(env, instance, s.handler)
    if (s.reraise && returned === null) throw error
    return returned
  } finally {
    if (s.cleanup !== null) {
      env.log(instance, '= finally')
      const replaced = await runBlock(env, instance, s.cleanup)
      // biome-ignore lint/correctness/noUnsafeFinally: as Python's return in finally
      if (replaced !== null) return replaced
    }
  }
}

/** Statements that run a block inside something of Gyre's. */
async function runWithin(
  env: Environment,
  instance: Instance,
  s: Of<'timeout'> | Of<'group'> | Of<'with'>,
): Promise<Returned | null> {
  const { body } = s
  if (s.op === 'with') {
    return await env.resources[s.resource]!.with(() => runBlock(env, instance, body))
  }
  if (s.op === 'group') {
    return await taskGroup(async (group) => {
      env.groups.set(s.group, group)
      return await runBlock(env, instance, body)
    })
  }
  const begin = s.at && s.ms !== null ? timeoutAt : timeout
  return await begin(begin === timeout ? s.ms : env.loop.time() + s.ms!, async (entered) => {
    env.timeouts.set(s.timeout, entered)
    return await runBlock(env, instance, body)
  })
}

async function runFuture(env: Environment, s: Of<'gather'> | Of<'shield'>): Promise<unknown> {
  const { members, rank } = awaitables(env, s.op === 'gather' ? s.items : [s.item])
  if (s.op === 'shield' && members.length === 0) return skip
  const coros = members.map(([, member]) => member)
  const future: Future<unknown> =
    s.op === 'gather' ? gather(coros, { returnExceptions: s.returnExceptions }) : shield(coros[0])
  if (s.slot === null) return await future
  env.store(s.slot, future, rank)
  return null
}

async function runWait(env: Environment, s: Of<'wait'>): Promise<unknown> {
  const { members } = awaitables(env, s.items, { guarded: false, asTasks: true })
  const { done, pending } = await wait(
    members.map(([, member]) => member as Future<unknown>),
    { timeout: s.timeout, returnWhen: s.until },
  )
  return [positionsIn(members, done), positionsIn(members, pending)]
}

async function runAsCompleted(
  env: Environment,
  instance: Instance,
  s: Of<'asCompleted'>,
): Promise<unknown> {
  const { members } = awaitables(env, s.items, { guarded: false })
  const order = asCompleted(
    members.map(([, member]) => member as Future<unknown>),
    { timeout: s.timeout },
  )[Symbol.iterator]()
  for (let i = 0; i < s.take; i++) {
    const next = order.next()
    if (next.done === true) return 'exhausted'
    try {
      env.log(instance, `= next ${describe(await next.value)}`)
    } catch (error) {
      if (!catchesError('exception', error)) throw error
      env.log(instance, `= next ${describeError(error)}`)
    }
  }
  return null
}

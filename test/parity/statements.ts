// Statements that do not wait. oracle/statements.py is the same for CPython.

import { CancelledError, currentTask, KeyboardInterrupt, type Task } from 'gyre'
import type { Environment } from './environment.js'
import type { SyncStatement, TaskStatement } from './program.js'
import { plainRank, skip } from './ranks.js'
import { AppError, describeFuture } from './trace.js'

export type Simple = SyncStatement | TaskStatement

const syncOps: ReadonlySet<string> = new Set<Simple['op']>([
  'log',
  'raise',
  'interrupt',
  'raiseCancelled',
  'future',
  'create',
  'spawn',
  'cancel',
  'cancelSelf',
  'uncancel',
  'cancelling',
  'whoami',
  'setResult',
  'setException',
  'inspect',
  'callSoon',
  'callLater',
  'callAt',
  'cancelHandle',
  'addCallback',
  'removeCallback',
  'reschedule',
  'inspectTimeout',
  'use',
])

export function isSync(statement: { op: string }): statement is Simple {
  return syncOps.has(statement.op)
}

/** Executes the statement and returns the value that the trace shows; throws what Gyre throws. */
export function runSync(env: Environment, s: Simple): unknown {
  switch (s.op) {
    case 'log':
      return s.value
    case 'raise':
      throw new AppError(s.error)
    case 'interrupt':
      // Whether the loop still gets to it depends on how many turns closing takes.
      if (env.hasEnded) return skip
      env.interrupted = true
      throw new KeyboardInterrupt()
    case 'raiseCancelled':
      throw s.reason === null ? new CancelledError() : new CancelledError(s.reason)
    case 'cancelSelf':
      return s.reason === null ? currentTask()?.cancel() : currentTask()?.cancel(s.reason)
    case 'uncancel':
      return currentTask()?.uncancel()
    case 'cancelling':
      return currentTask()?.cancelling()
    case 'whoami':
      return env.program.eager ? somebody(currentTask()) : nameOf(currentTask())
    case 'create':
    case 'spawn':
      return startTask(env, s)
    case 'use':
      return env.resources[s.resource]?.use(s.call, s.value)
    case 'callSoon':
    case 'callLater':
    case 'callAt':
    case 'cancelHandle':
      return onHandle(env, s)
    case 'reschedule':
    case 'inspectTimeout':
      return onTimeout(env, s)
    default:
      return onFuture(env, s)
  }
}

function nameOf(task: Task<unknown> | null): string | null {
  if (task === null) return null
  const name = task.getName()
  return name.startsWith('Task-') ? 'unnamed' : name
}

/** CPython's task factories get no name: the task is named when its first step is over. */
function somebody(task: Task<unknown> | null): string | null {
  return task === null ? null : 'somebody'
}

function startTask(env: Environment, s: Simple & { op: 'create' | 'spawn' }): string {
  const group = s.op === 'spawn' ? env.groups.get(s.group) : null
  const instance = group === undefined ? null : env.ranks.instance(s.coro)
  if (group === undefined || instance === null) return skip
  const name = instance.label
  const started = env.start(instance)
  const task =
    s.op === 'spawn'
      ? (group as NonNullable<typeof group>).createTask(started, { name })
      : env.loop.createTask(started, { name, eagerStart: s.eager })
  env.store(s.slot, task, instance.rank)
  return name
}

type OnHandle = Simple & { op: 'callSoon' | 'callLater' | 'callAt' | 'cancelHandle' }

function onHandle(env: Environment, s: OnHandle): boolean | string | null {
  const { loop } = env
  if (s.op === 'cancelHandle') {
    const handle = env.handles.get(s.handle)
    if (handle === undefined) return skip
    handle.cancel()
    return handle.cancelled()
  }
  const call = () => env.runCallback(s.callback, null)
  if (s.op === 'callSoon') env.handles.set(s.handle, loop.callSoon(call))
  else if (s.op === 'callLater') env.handles.set(s.handle, loop.callLater(s.ms, call))
  else env.handles.set(s.handle, loop.callAt(loop.time() + s.ms, call))
  return null
}

function onTimeout(env: Environment, s: Simple & { op: 'reschedule' | 'inspectTimeout' }): unknown {
  const timeout = env.timeouts.get(s.timeout)
  if (timeout === undefined) return skip
  if (s.op === 'inspectTimeout') return [timeout.when(), timeout.expired()]
  timeout.reschedule(s.ms === null ? null : env.loop.time() + s.ms)
  return null
}

type OnFuture = Simple & {
  op:
    | 'future'
    | 'cancel'
    | 'setResult'
    | 'setException'
    | 'inspect'
    | 'addCallback'
    | 'removeCallback'
}

function onFuture(env: Environment, s: OnFuture): unknown {
  if (s.op === 'future') {
    env.store(s.slot, env.loop.createFuture(), plainRank)
    return null
  }
  const target = env.slots.get(s.slot)
  if (target === undefined) return skip
  switch (s.op) {
    case 'cancel':
      return s.reason === null ? target.cancel() : target.cancel(s.reason)
    case 'setResult':
      return target.setResult(s.value)
    case 'setException':
      return target.setException(new AppError(s.error))
    case 'inspect':
      if (s.what === 'state') return describeFuture(target)
      return s.what === 'result' ? target.result() : target.exception()
    case 'addCallback':
      return target.addDoneCallback(env.doneCallback(s.callback))
    case 'removeCallback':
      return target.removeDoneCallback(env.doneCallback(s.callback))
  }
}

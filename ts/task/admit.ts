// Whether a task may be made, asked where tasks are made; see loop/admission.ts for the rule.

import { checkSwitch } from '../errors/arguments'
import { isFuture } from '../future/future'
import { taskOfCode } from '../future/stepping'
import { isGenerator } from '../future/yielded'
import { Admission, refusal } from '../loop/admission'
import type { EventLoop } from '../loop/loop'
import type { UnmadeTasks } from './unmade'

/** The task whose code is running: what it makes, it answers for. */
function maker(): object | null {
  return taskOfCode()
}

/**
 * Lets a task in. Throws RuntimeError (ERR_SHUTTING_DOWN) when its loop drains and it is not the
 * work of a draining task; the coroutine never runs then. `drain` is the option of that name.
 */
export function admitTask(
  task: object,
  loop: EventLoop,
  coro: unknown,
  drain: unknown,
  unmade: UnmadeTasks | null,
): void {
  checkSwitch('options.drain', drain)
  if (drain === true) loop._admission ??= new Admission()
  const admission = loop._admission
  if (admission === null) return
  const vouched = unmade === null ? admission.vouched : unmade.isFamily
  if (vouched !== null) {
    // It was given to gather before: whether it may be made was asked then.
    admission.enter(task, vouched, false)
    return
  }
  const by = maker()
  if (!admission.mayMake(by)) refuse([coro])
  admission.enter(task, admission.isFamily(by), drain === true)
}

/**
 * For what becomes tasks later: throws if it could not now. Returns whether it belongs to a draining
 * task's work. Futures and promises run already.
 */
export function admitLater(loop: EventLoop, coros: readonly unknown[]): boolean {
  const admission = loop._admission
  if (admission === null) return false
  const by = maker()
  const isNew = coros.some((coro) => !isFuture(coro) && !(coro instanceof Promise))
  if (isNew && !admission.mayMake(by)) refuse(coros)
  return admission.isFamily(by)
}

/** Whether the code that runs is the work of a draining task. */
export function isFamilyHere(loop: EventLoop): boolean {
  return loop._admission?.isFamily(maker()) ?? false
}

/** Runs `make`; what it makes was admitted by admitLater, which said whose work it is. */
export function makeAdmitted<T>(loop: EventLoop, isFamily: boolean, make: () => T): T {
  const admission = loop._admission
  if (admission === null) return make()
  admission.vouched = isFamily
  try {
    return make()
  } finally {
    admission.vouched = null
  }
}

function refuse(coros: readonly unknown[]): never {
  for (const coro of coros) {
    if (isGenerator(coro)) coro.return(undefined)
  }
  throw refusal()
}

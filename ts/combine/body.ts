// The body of a timeout or a task group: it runs in the current task, as the body of `async with`
// does in Python, whether it is a generator function or an async function.

import { invalidType } from '../errors/arguments'
import { Future, isFuture } from '../future/future'
import { Operation } from '../future/operation'
import { isThenable } from '../future/thenable'
import { isGenerator } from '../future/yielded'
import { taskStore } from '../loop/context'
import { type Coroutine, isGeneratorFunction } from '../task/coroutine'
import { currentTask } from '../task/current'
import { BodyEnd } from './body_end'

export type Body<A, T> = (argument: A) => Coroutine<T> | PromiseLike<T>

/** Runs the body. `bodyEnded` is called as soon as an async one has ended: this hears of it later. */
export function* runBody<A, T>(
  body: Body<A, T>,
  argument: A,
  bodyEnded: () => void = () => {},
): Generator<Future<unknown>, T, unknown> {
  const task = currentTask()
  const end = task === null || isGeneratorFunction(body) ? null : new BodyEnd<T>(task)
  const given: unknown = end === null ? body(argument) : callWithin(end, body, argument)
  const isPromise = isThenable(given) && !isFuture(given) && !(given instanceof Operation)
  if (isPromise) return yield* follow(given as PromiseLike<T>, end ?? new Future<T>(), bodyEnded)
  end?.close()
  if (!isFuture(given) && !(given instanceof Operation) && !isGenerator(given)) {
    throw invalidType('body', 'a generator function or an async function', body)
  }
  return (yield* given) as T
}

/** Calls the body so that its code, and the async functions that it calls, belong to `end`. */
function callWithin<A, T>(end: BodyEnd<T>, body: Body<A, T>, argument: A): unknown {
  try {
    return taskStore.run(end, body, argument)
  } catch (error) {
    end.close()
    throw error
  }
}

/** Has `end` end as the promise of the body does; nobody hears of it once the loop is closed. */
function follow<T>(promise: PromiseLike<T>, end: Future<T>, bodyEnded: () => void): Future<T> {
  // What the body awaits first is known some microtasks later, and no turn may come before: a sleep(0)
  // would be over, and a cancellation that was asked for would not find it.
  end._loop._promisesDue = true
  promise.then(
    (value) => {
      bodyEnded()
      if (!end._loop.isClosed()) end.setResult(value)
    },
    (error) => {
      bodyEnded()
      if (!end._loop.isClosed()) end.setException(error)
    },
  )
  return end
}

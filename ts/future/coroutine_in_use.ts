// How a task finds out that its generator is being run by another task.
//
// What is given to the first `next` of a generator is seen by nobody, unless the generator has begun: then
// `yield*` hands it to the iterator of what the generator waits for. So tasks give a mark with their
// first step, and an iterator that finds it while it waits answers that the generator is in use. That
// costs a comparison, and leaves the generator to the task that it belongs to. A generator that has ended
// cannot be told from one that ends at once.

import { RuntimeError } from '../errors/errors'

/** What a task gives to the first step of a generator. */
export const FIRST_STEP: unique symbol = Symbol('first step')

/** Yielded in answer to it. */
export const IN_USE: unique symbol = Symbol('in use')

export function answerInUse(): IteratorResult<never, never> {
  return { value: IN_USE as never, done: false }
}

export function coroutineInUse(): RuntimeError {
  const message = 'the generator is being run by another task: make one for each task'
  return new RuntimeError(message, 'ERR_COROUTINE_IN_USE')
}

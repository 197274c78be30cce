// The AsyncLocalStorage context that callbacks and tasks keep, as Node's users expect of anything
// asynchronous. A context is an AsyncResource: the one public handle to it that is cheap (15 to 35
// ns on Node 20 and 24, where AsyncLocalStorage.snapshot() costs microseconds).

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

/** What the code of an async function belongs to: a task, or the body of an operation in it. */
interface Stored {
  readonly _loop: object
  readonly _task: object
  readonly _branch: object | null
  _live(): Stored | null
}

/** @internal See AwaitOwner in future/then.ts. */
export const taskStore = new AsyncLocalStorage<Stored | undefined>()

function newResource(type: string): AsyncResource {
  return new AsyncResource(type)
}

/**
 * Captures the caller's context, without the task the caller may belong to: what is scheduled from
 * an async function is not part of its task. Clearing costs an AsyncLocalStorage.run, so it is done
 * only where there is something to clear.
 */
export function captureContext(type: string): AsyncResource {
  if (taskStore.getStore() === undefined) return new AsyncResource(type)
  return taskStore.run(undefined, newResource, type)
}

/**
 * What is a context itself, captured as above, instead of holding one: an object less for each connection.
 * Its methods are Node's affair, and no part of what a subclass promises; `contextOf` has them.
 */
export const ContextKeeper: new (type: string) => object = class extends AsyncResource {
  constructor(type: string) {
    const task = taskStore.getStore()
    // As `run`, within which `super` cannot be called.
    if (task !== undefined) taskStore.enterWith(undefined)
    super(type)
    if (task !== undefined) taskStore.enterWith(task)
  }
}

/** The context that an object is. REQUIRES: it is of a subclass of ContextKeeper. */
export function contextOf(keeper: object): AsyncResource {
  return keeper as AsyncResource
}

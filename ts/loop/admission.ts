// Which tasks may be made while a loop drains (see run/grace.ts). A loop has an Admission from its
// first draining task or its first grace on; before that, making a task costs one comparison.
//
// While it is closed, a task may be made by a draining task, or by one that came of it: a draining
// task can do its own work, and nobody else can begin any. Tasks are only objects here.
//
// Invariants: 1. A draining task belongs to the family.
//             2. What a member of the family makes belongs to the family, at any time.
//             3. The signal is aborted once the admission has been closed, and stays so.

import { RuntimeError } from '../errors/errors'

export class Admission {
  private readonly draining = new WeakSet<object>()
  private readonly family = new WeakSet<object>()
  private readonly controller = new AbortController()
  private isClosed = false
  /** Whether tasks that were admitted before and are made now are the family's; null if none are. */
  vouched: boolean | null = null
  private onDraining: (task: object) => void = () => {}

  /** Aborted when the loop begins to drain. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** Whether `maker`, a task or null, may make tasks now. */
  mayMake(maker: object | null | undefined): boolean {
    return !this.isClosed || this.isFamily(maker)
  }

  isFamily(maker: object | null | undefined): boolean {
    return maker !== null && maker !== undefined && this.family.has(maker)
  }

  isDraining(task: object): boolean {
    return this.draining.has(task)
  }

  /** A task was made that may be. */
  enter(task: object, isFamily: boolean, isDraining: boolean): void {
    if (isFamily || isDraining) this.family.add(task)
    if (!isDraining) return
    this.draining.add(task)
    if (this.isClosed) this.onDraining(task)
  }

  /** From now on only the family makes tasks; `onDraining` hears of those that drain too. */
  close(onDraining: (task: object) => void): void {
    this.isClosed = true
    this.onDraining = onDraining
    this.controller.abort(refusal())
  }

  open(): void {
    this.isClosed = false
    this.onDraining = () => {}
  }
}

/** The error for who may not make a task. */
export function refusal(): RuntimeError {
  const message =
    'the loop is shutting down: new tasks can only be made by tasks that drain ' +
    '(createTask with { drain: true })'
  return new RuntimeError(message, 'ERR_SHUTTING_DOWN')
}

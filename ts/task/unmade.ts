// Tasks that have their place in the ready ring but are not made yet: see combine/gathering.ts.

import type { Linked } from '../loop/linked_list'

/** Stands on the list of tasks of a loop for those that are not made yet. */
export interface UnmadeTasks extends Linked {
  /** @internal Puts the tasks before itself on the list. */
  makeAll(): void
  /** @internal Whether they are the work of a draining task: see task/admit.ts. */
  readonly isFamily: boolean
  /** @internal The number in the name of the task that is being made. */
  taskNumber(): number
}

export function isUnmade(node: Linked): node is UnmadeTasks {
  return 'makeAll' in node
}

// ExceptionGroup: several errors that happened together, as a task group reports them.

import { inspect } from 'node:util'
import { invalidType } from './arguments'
import { printed } from './printing'

/**
 * Several unrelated errors at once (Python's BaseExceptionGroup, PEP 654). It is an AggregateError,
 * so `errors` holds the members; printing it prints all of them.
 */
export class ExceptionGroup extends AggregateError {
  readonly code = 'ERR_EXCEPTION_GROUP'

  /** Throws TypeError for what is no list, or an empty one: a group stands for at least one error. */
  constructor(message: string, errors: Iterable<unknown>, options?: ErrorOptions) {
    const members = listOf(errors)
    if (members.length === 0) {
      throw invalidType('errors', 'an iterable of at least one error', errors)
    }
    const count = members.length === 1 ? '1 sub-exception' : `${members.length} sub-exceptions`
    super(members, `${message} (${count})`, options)
    Object.defineProperty(this, 'code', { enumerable: false })
    Object.defineProperty(this, 'name', {
      value: new.target.name,
      configurable: true,
      writable: true,
      enumerable: false,
    })
  }

  /** Every error in the group and in the groups inside it, depth first. */
  *leaves(): Generator<unknown, void, undefined> {
    for (const error of this.errors) {
      if (error instanceof ExceptionGroup) yield* error.leaves()
      else yield error
    }
  }

  [inspect.custom](_depth: number, options: object): string {
    const members = this.errors.map((error, index) => {
      const text = printed(error, options).replaceAll('\n', '\n  ')
      return `  ${index + 1}: ${text}`
    })
    return `${this.stack ?? String(this)}\n${members.join('\n')}`
  }
}

function listOf(errors: unknown): unknown[] {
  const isList = typeof errors === 'object' && errors !== null && Symbol.iterator in errors
  return isList ? [...(errors as Iterable<unknown>)] : []
}

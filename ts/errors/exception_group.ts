// ExceptionGroup: several errors that happened together, as a task group reports them.

import { inspect } from 'node:util'

/**
 * Several unrelated errors at once (Python's BaseExceptionGroup, PEP 654). It is an AggregateError,
 * so `errors` holds the members; printing it prints all of them.
 */
export class ExceptionGroup extends AggregateError {
  readonly code = 'ERR_EXCEPTION_GROUP'

  /** Throws TypeError when `errors` is empty: a group stands for at least one error. */
  constructor(message: string, errors: Iterable<unknown>, options?: ErrorOptions) {
    const members = [...errors]
    if (members.length === 0) {
      throw new TypeError('an ExceptionGroup needs at least one error, got an empty list')
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
      const text = inspect(error, options).replaceAll('\n', '\n  ')
      return `  ${index + 1}: ${text}`
    })
    return `${this.stack ?? String(this)}\n${members.join('\n')}`
  }
}

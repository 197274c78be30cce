// The error for arguments that a worker cannot be sent: it names the one at fault.

import { NotSendableError } from '../errors/executor_errors'
import { Transfer } from './transfer'

/**
 * For arguments that could not be sent together because of `cause`. `send` throws for a value that
 * cannot be sent alone. What is transferred is not tried: trying would detach it.
 */
export function notSendable(
  args: readonly unknown[],
  worker: string,
  send: (value: unknown) => unknown,
  cause: Error,
): NotSendableError {
  const index = args.findIndex((arg) => {
    if (arg instanceof Transfer) return false
    try {
      send(arg)
      return false
    } catch {
      return true
    }
  })
  const which = index === -1 ? 'the arguments cannot' : `argument ${index + 1} cannot`
  return new NotSendableError(`${which} be sent to ${worker}: ${cause.message}`, { cause })
}

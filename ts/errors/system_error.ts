// Builds errors of the operating system in Node's form: code 'ECONNREFUSED', errno, syscall, and
// address and port where there are some. Natives return a number, this gives it its name.

import { getSystemErrorName } from 'node:util'

export interface SystemErrorDetails {
  address?: string | undefined
  port?: number | undefined
}

/**
 * @param errno the positive errno of the platform (libuv and Node use its negative)
 * @param syscall the operation that failed, in Node's words: 'connect', 'listen', 'read', 'write'
 */
export function systemError(
  errno: number,
  syscall: string,
  details: SystemErrorDetails = {},
): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  const { address, port } = details
  let where = ''
  if (address !== undefined) where = port === undefined ? ` ${address}` : ` ${address}:${port}`
  const error = new Error(`${syscall} ${code}${where}`) as NodeJS.ErrnoException
  error.errno = -errno
  error.code = code
  error.syscall = syscall
  if (address !== undefined) Object.assign(error, { address })
  if (port !== undefined) Object.assign(error, { port })
  return error
}

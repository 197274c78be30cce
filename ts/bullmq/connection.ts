// Redis connections: BullMQ and ioredis are peer dependencies, loaded when they are needed.

import type { Redis, RedisOptions } from 'ioredis'
import { checkInteger, invalidType } from '../errors/arguments'
import { NotSupportedError } from '../errors/errors'
import { QueueConnectionError } from '../errors/executor_errors'

/** Where Redis is: a URL (`redis://127.0.0.1:6379`), or a host and port and so on, as ioredis has it. */
export type RedisConnection =
  | string
  | {
      host?: string | undefined
      port?: number | undefined
      username?: string | undefined
      password?: string | undefined
      db?: number | undefined
    }

/** How long the first connection may take. */
const CONNECT_TIMEOUT_MS = 5_000
const RECONNECT_DELAY_MS_MAX = 1_000

export function loadBullmq(): typeof import('bullmq') {
  return load('bullmq')
}

function load<T>(name: string): T {
  try {
    return require(name) as T
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause
    throw new NotSupportedError(`gyre/bullmq needs bullmq and ioredis: npm install bullmq ioredis`)
  }
}

/** Throws TypeError and RangeError. */
export function checkConnection(connection: unknown): asserts connection is RedisConnection {
  if (typeof connection === 'string') {
    if (!/^rediss?:\/\//.test(connection)) {
      throw invalidType('options.connection', 'a URL of redis: or rediss:', connection)
    }
    return
  }
  if (typeof connection !== 'object' || connection === null) {
    throw invalidType('options.connection', 'a URL or an object', connection)
  }
  const { port } = connection as { port?: unknown }
  if (port !== undefined) checkInteger('options.connection.port', port, 1, 65535)
}

/**
 * A client that goes on trying to connect. `isPatient`: commands wait for the connection; else they fail at
 * once where there is none, so that nothing is done later that was reported as failed.
 */
export function openClient(connection: RedisConnection, isPatient: boolean): Redis {
  const { Redis } = load<typeof import('ioredis')>('ioredis')
  const options: RedisOptions = {
    maxRetriesPerRequest: isPatient ? null : 1,
    enableOfflineQueue: isPatient,
    retryStrategy: (times) => Math.min(times * 50, RECONNECT_DELAY_MS_MAX),
  }
  return typeof connection === 'string'
    ? new Redis(connection, options)
    : new Redis({ ...definedOf(connection), ...options })
}

function definedOf(connection: object): RedisOptions {
  return Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined))
}

/** Waits for a connection. Rejects with QueueConnectionError when it takes too long, or at the abort. */
export async function untilConnected(client: Redis, signal: AbortSignal): Promise<void> {
  if (client.status === 'ready') return
  let last: Error | undefined
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => {
      last = error
    }
    const end = (act: () => void) => {
      clearTimeout(timer)
      client.off('ready', ready)
      client.off('error', failed)
      signal.removeEventListener('abort', aborted)
      act()
    }
    const ready = () => end(resolve)
    const timer = setTimeout(() => {
      const why = last === undefined ? 'no answer' : last.message || String(last)
      const text = `cannot reach Redis within ${CONNECT_TIMEOUT_MS} ms: ${why}`
      end(() => reject(new QueueConnectionError(text, { cause: last })))
    }, CONNECT_TIMEOUT_MS)
    const aborted = () => end(() => reject(new QueueConnectionError('the connection was given up')))
    if (signal.aborted) {
      aborted()
      return
    }
    signal.addEventListener('abort', aborted)
    client.on('ready', ready)
    client.on('error', failed)
  })
}

// Chooses the backend: the native one where this platform has a binary, else the fallback.
// GYRE_BACKEND=native or =fallback, or the option of newEventLoop, decide instead.

import { AsyncResource } from 'node:async_hooks'
import { invalidType } from '../errors/arguments'
import { NotSupportedError } from '../errors/errors'
import type { Backend, BackendHost, BackendName } from './backend'
import { FallbackBackend } from './fallback'
import { NativeBackend } from './native'
import { findAddon } from './native_addon'

export interface BackendInfo {
  /** The backend that new loops use. */
  name: BackendName
  /** What tells it of readiness: 'epoll' on Linux, 'node' for the fallback. */
  poller: string
  /** The version of Gyre. */
  version: string
  /** Why it is the fallback, and what to do about it. */
  reason?: string
}

/**
 * The context in which the library was loaded. A loop is made in it, so that it does not keep the
 * AsyncLocalStorage stores of whoever happens to make it, a request perhaps, for as long as it lives.
 */
const loading = new AsyncResource('GyreLoops')

interface Choice {
  name: BackendName
  reason: string | null
}

function choose(asked: BackendName | undefined): Choice {
  const fromEnvironment = process.env.GYRE_BACKEND
  const wanted = asked ?? (fromEnvironment === '' ? undefined : fromEnvironment)
  if (wanted !== undefined && wanted !== 'native' && wanted !== 'fallback') {
    const where = asked === undefined ? 'GYRE_BACKEND' : 'backend'
    throw invalidType(where, "'native' or 'fallback'", wanted)
  }
  if (wanted === 'fallback') {
    const reason =
      asked === undefined ? 'GYRE_BACKEND=fallback asks for it' : 'the options ask for it'
    return { name: 'fallback', reason }
  }
  const found = findAddon()
  if (found.addon !== null) return { name: 'native', reason: null }
  if (wanted === 'native') {
    throw new NotSupportedError(`the native backend is not available: ${found.reason}`)
  }
  return { name: 'fallback', reason: found.reason }
}

/** Makes the backend of a loop. Throws NotSupportedError if the one asked for is not there. */
export function createBackend(
  host: BackendHost,
  asked: BackendName | undefined,
  isVirtual: boolean,
): Backend {
  if (choose(asked).name === 'fallback') return new FallbackBackend(host, isVirtual)
  const { addon } = findAddon()
  return loading.runInAsyncScope(
    () => new NativeBackend(host, isVirtual, addon as NonNullable<typeof addon>),
  )
}

/** Which backend new loops use on this machine, and why. */
export function backendInfo(): BackendInfo {
  const { name, reason } = choose(undefined)
  const poller = name === 'native' ? NativeBackend.poller : FallbackBackend.poller
  const { version } = require('../../package.json') as { version: string }
  return reason === null ? { name, poller, version } : { name, poller, version, reason }
}

// EventLoop.addReader and its like: callbacks for descriptors that others opened.
//
// Invariant: a descriptor is watched exactly while it has a reader or a writer here.

import type { DescriptorEvents, DescriptorWatch } from '../backend/descriptor_contract'
import { checkFunction, checkInteger, invalidType } from '../errors/arguments'
import { type Handle, newHandle } from '../loop/handle'
import { EventLoop } from '../loop/loop'

/** A descriptor, or whatever has one: a FileHandle, a stream of node:fs, process.stdin. */
export type Descriptor = number | { readonly fd: number }

/** An int of C. */
export const DESCRIPTOR_MAX = 0x7fffffff

/** The number behind `descriptor`, checked. */
export function descriptorNumber(name: string, descriptor: Descriptor): number {
  const value: unknown = descriptor
  const isObject = typeof value === 'object' && value !== null
  const number: unknown = isObject ? (value as { fd?: unknown }).fd : value
  if (typeof number !== 'number') {
    throw invalidType(name, 'a file descriptor or an object with an open one as fd', descriptor)
  }
  checkInteger(name, number, 0, DESCRIPTOR_MAX)
  return number
}

class WatchedDescriptor implements DescriptorEvents {
  reader: Handle | null = null
  writer: Handle | null = null
  watch: DescriptorWatch | null = null

  /** Level-triggered: the handles run again and again while it is ready. */
  descriptorReady(readable: boolean, writable: boolean): void {
    const { reader, writer } = this
    if (readable) reader?.run()
    // The reader may have removed it, and with that cancelled it.
    if (writable) writer?.run()
  }

  get isIdle(): boolean {
    return this.reader === null && this.writer === null
  }
}

/** By loop: its descriptors that have a reader or a writer. */
const descriptorsOf = new WeakMap<EventLoop, Map<number, WatchedDescriptor>>()

type Side = 'reader' | 'writer'
type Callback = (...args: never[]) => unknown

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Calls `callback(...args)` in every turn in which `descriptor` can be read from without
     * waiting, or is at its end or broken; it replaces a reader that is there. Throws the system's
     * error (EBADF; EPERM for a regular file), RuntimeError for a descriptor of a transport,
     * NotSupportedError on the fallback. Level-triggered, as asyncio's add_reader (3.13).
     */
    addReader<A extends unknown[]>(
      descriptor: Descriptor,
      callback: (...args: A) => unknown,
      ...args: A
    ): void
    /** The same for writing. */
    addWriter<A extends unknown[]>(
      descriptor: Descriptor,
      callback: (...args: A) => unknown,
      ...args: A
    ): void
    /** Ends it; says whether there was a reader. Call it before the descriptor is closed. */
    removeReader(descriptor: Descriptor): boolean
    removeWriter(descriptor: Descriptor): boolean
  }
}

EventLoop.prototype.addReader = function addReader(
  this: EventLoop,
  descriptor: Descriptor,
  callback: Callback,
  ...args: unknown[]
): void {
  add(this, 'reader', descriptor, callback, args)
}

EventLoop.prototype.addWriter = function addWriter(
  this: EventLoop,
  descriptor: Descriptor,
  callback: Callback,
  ...args: unknown[]
): void {
  add(this, 'writer', descriptor, callback, args)
}

EventLoop.prototype.removeReader = function removeReader(
  this: EventLoop,
  descriptor: Descriptor,
): boolean {
  return remove(this, 'reader', descriptor)
}

EventLoop.prototype.removeWriter = function removeWriter(
  this: EventLoop,
  descriptor: Descriptor,
): boolean {
  return remove(this, 'writer', descriptor)
}

function add(
  loop: EventLoop,
  side: Side,
  descriptor: Descriptor,
  callback: Callback,
  args: readonly unknown[],
): void {
  loop._checkOpen()
  const fd = descriptorNumber('descriptor', descriptor)
  checkFunction('callback', callback)
  let all = descriptorsOf.get(loop)
  if (all === undefined) {
    all = new Map()
    descriptorsOf.set(loop, all)
  }
  const watched = all.get(fd) ?? new WatchedDescriptor()
  const toRead = side === 'reader' || watched.reader !== null
  const toWrite = side === 'writer' || watched.writer !== null
  // First, as it may throw; then nothing has changed.
  if (watched.watch === null) {
    watched.watch = loop._backend.watchDescriptor(fd, toRead, toWrite, watched)
    all.set(fd, watched)
  } else {
    watched.watch.setInterest(toRead, toWrite)
  }
  watched[side]?.cancel()
  watched[side] = newHandle(loop, callback, args, 'GyreDescriptor')
}

function remove(loop: EventLoop, side: Side, descriptor: Descriptor): boolean {
  const fd = descriptorNumber('descriptor', descriptor)
  const all = descriptorsOf.get(loop)
  const watched = all?.get(fd)
  const handle = watched?.[side]
  if (loop.isClosed() || watched === undefined || handle === null || handle === undefined) {
    return false
  }
  handle.cancel()
  watched[side] = null
  if (watched.isIdle) all?.delete(fd)
  try {
    watched.watch?.setInterest(watched.reader !== null, watched.writer !== null)
  } catch {
    // The descriptor was closed: whoever is left on the other side is not called again either.
  }
  return true
}

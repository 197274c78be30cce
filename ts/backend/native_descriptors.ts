// The descriptors that a native loop watches for others.

import { systemError } from '../errors/system_error'
import { type DescriptorEvents, type DescriptorWatch, descriptorInUse } from './descriptor_contract'
import type { NativeLoop } from './native_addon'
import { Control } from './ready_ring'

const READABLE = 1
const WRITABLE = 2

const EPERM = 1
const EEXIST = 17

interface Watched {
  readonly generation: number
  readonly events: DescriptorEvents
}

export class NativeDescriptors {
  private readonly watched = new Map<number, Watched>()

  constructor(
    private readonly native: NativeLoop,
    private readonly control: Int32Array,
  ) {}

  get size(): number {
    return this.watched.size
  }

  watch(
    fd: number,
    readable: boolean,
    writable: boolean,
    events: DescriptorEvents,
  ): DescriptorWatch {
    const result = this.native.watchDescriptor(fd, interestOf(readable, writable))
    if (result < 0) throw descriptorError(-result, fd)
    const slot = this.control[Control.RESULT_SLOT]!
    const generation = this.control[Control.RESULT_GENERATION]!
    this.watched.set(slot, { generation, events })
    return {
      setInterest: (toRead, toWrite) => {
        if (this.watched.get(slot)?.generation !== generation) return
        const interest = interestOf(toRead, toWrite)
        if (interest === 0) this.watched.delete(slot)
        const changed = this.native.setDescriptorInterest(slot, generation, interest)
        if (changed < 0) throw descriptorError(-changed, fd)
      },
    }
  }

  dispatch(generation: number, slot: number, readiness: number): void {
    const watched = this.watched.get(slot)
    if (watched?.generation !== generation) return
    watched.events.descriptorReady((readiness & READABLE) !== 0, (readiness & WRITABLE) !== 0)
  }

  close(): void {
    this.watched.clear()
  }
}

function interestOf(readable: boolean, writable: boolean): number {
  return (readable ? READABLE : 0) | (writable ? WRITABLE : 0)
}

/** Why the poller does not take a descriptor. */
export function descriptorError(errno: number, fd: number): Error {
  if (errno === EEXIST) return descriptorInUse(fd)
  const error = systemError(errno, 'epoll_ctl')
  if (errno === EPERM)
    error.message += `: descriptor ${fd} is always ready, as regular files and many devices are`
  return error
}

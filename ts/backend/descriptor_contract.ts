// The part of the contract of backend.ts that is about descriptors which others opened.

import { RuntimeError } from '../errors/errors'

/** Hears of a descriptor that is watched. Calls come from inside a turn. */
export interface DescriptorEvents {
  /** It is ready for what it is watched for; said again for as long as it stays so. */
  descriptorReady(readable: boolean, writable: boolean): void
}

/** A descriptor that is watched, for reading, writing or both. */
export interface DescriptorWatch {
  /**
   * Changes what it is watched for, or makes sure of the same; neither ends the watch for good.
   * Throws the system's error.
   */
  setInterest(readable: boolean, writable: boolean): void
}

/** One end of a pipe, or of something like it, that others opened. */
export interface PipeOptions {
  fd: number
  direction: 'read' | 'write'
  /** Whether the descriptor is the stream's own, to be closed in the end. */
  closes: boolean
}

/** What comes of a descriptor that the loop has already. */
export function descriptorInUse(fd: number): RuntimeError {
  const message = `File descriptor ${fd} is used by a transport or watched`
  return new RuntimeError(message, 'ERR_DESCRIPTOR_IN_USE')
}

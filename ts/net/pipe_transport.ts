// Transports of one direction: the two ends of a pipe.

import { inspect } from 'node:util'
import { RuntimeError } from '../errors/errors'
import type { EventLoop } from '../loop/loop'
import type { Descriptor } from './descriptors'
import type { Protocol, Transport } from './protocol'
import { SocketTransport, type TransportOwner } from './transport'

type Ending = 'close' | 'abort' | 'isClosing' | 'setProtocol' | 'getProtocol'
type Reading = 'pauseReading' | 'resumeReading' | 'isReading'
type Writing = 'write' | 'writelines' | 'writeEof' | 'canWriteEof'
type Buffering = 'setWriteBufferLimits' | 'getWriteBufferLimits' | 'getWriteBufferSize'

interface PipeInfo {
  /** What the transport was made of. */
  getExtraInfo(name: 'pipe'): Descriptor
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
}

/** A transport that only reads. */
export interface ReadTransport extends Pick<Transport, Ending | Reading>, PipeInfo {}

/** A transport that only writes. */
export interface WriteTransport extends Pick<Transport, Ending | Writing | Buffering>, PipeInfo {}

abstract class PipeTransport extends SocketTransport {
  /** `pipe` is null for the pipe of a child process, of which nobody has the descriptor. */
  constructor(
    loop: EventLoop,
    protocol: Protocol,
    private readonly pipe: Descriptor | null,
    owner?: TransportOwner,
  ) {
    super(loop, protocol, owner)
  }

  override getExtraInfo(name: string, fallback?: unknown): never {
    const isOurs = name === 'pipe' && this.pipe !== null
    const info: unknown = isOurs ? this.pipe : super.getExtraInfo(name, fallback)
    return info as never
  }

  override [inspect.custom](): string {
    const state = this.isClosing() ? 'closing' : 'open'
    const { pipe } = this
    const fd = typeof pipe === 'number' ? pipe : pipe?.fd
    return `<${this.constructor.name} ${state}${fd === undefined ? '' : ` fd=${fd}`}>`
  }
}

/** Its end closes it, as there is no other direction to stay open for. */
export class ReadPipeTransport extends PipeTransport {
  override canWriteEof(): boolean {
    return false
  }

  override write(): never {
    throw new RuntimeError('this end of a pipe is for reading', 'ERR_READ_ONLY_PIPE')
  }

  override writeEof(): never {
    return this.write()
  }
}

export class WritePipeTransport extends PipeTransport {
  /** What is written goes out first, as with `close`. */
  override writeEof(): void {
    this.close()
  }

  override isReading(): boolean {
    return false
  }

  override pauseReading(): void {}

  override resumeReading(): void {}

  /** @internal */
  override _startReading(): void {}
}

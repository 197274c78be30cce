// The submission ring: what TypeScript asks of native code, in order. Native code drains it after
// each call into JavaScript and before libuv blocks; when it is full it is drained at once.
//
// Small writes are copied into the send slab, and submitted by offset and length. The slab is free
// again as soon as the ring has been drained.

import { NativeOp } from './native_addon'
import { Control, ENTRY_BYTES, type ReadyRing } from './ready_ring'

const CAPACITY = 1024
const SEND_SLAB_BYTES = 256 * 1024

export class Submissions {
  readonly buffer = new ArrayBuffer(CAPACITY * ENTRY_BYTES)
  private readonly words = new Int32Array(this.buffer)
  private readonly floats = new Float64Array(this.buffer)
  private readonly control: Int32Array
  private slab = new Uint8Array(0)
  /** The same memory. */
  private slabWords = new Int32Array(0)
  private slabUsed = 0

  constructor(
    private readonly ring: ReadyRing,
    private readonly flush: () => void,
    private readonly giveSlab: (slab: ArrayBuffer) => void,
  ) {
    this.control = ring.control
  }

  /** Behind what was submitted last; see hasTaken. */
  get tail(): number {
    return this.control[Control.SUBMIT_TAIL]!
  }

  /** Whether native code has taken all that was submitted before `tail`, an earlier value of it. */
  hasTaken(tail: number): boolean {
    return ((this.control[Control.SUBMIT_HEAD]! - tail) | 0) >= 0
  }

  push(op: number, generation: number, slot: number, a: number, b: number): void {
    const index = this.reserve()
    const { words } = this
    const at = index << 2
    words[at] = op | (generation << 8)
    words[at + 1] = slot
    words[at + 2] = a
    words[at + 3] = b
    this.commit()
  }

  pushFloat(op: number, generation: number, slot: number, value: number): void {
    const index = this.reserve()
    const at = index << 2
    this.words[at] = op | (generation << 8)
    this.words[at + 1] = slot
    this.floats[(index << 1) + 1] = value
    this.commit()
  }

  /** Submits a copy of `data`, which must fit the slab. */
  send(generation: number, slot: number, data: Uint8Array): void {
    const length = data.byteLength
    const offset = this.takeSlab(length)
    this.slab.set(data, offset)
    this.push(NativeOp.SEND, generation, slot, offset, length)
  }

  /** Submits a copy of `data`, which must fit the slab, with the record of its address before it. */
  sendDatagram(generation: number, slot: number, record: Int32Array, data: Uint8Array): void {
    const length = data.byteLength
    // Words stand at whole words. Streams leave no gaps: what is adjacent goes out as one slice.
    this.slabUsed = (this.slabUsed + 3) & ~3
    const offset = this.takeSlab(record.byteLength + length)
    const { slabWords } = this
    const at = offset >> 2
    for (let i = 0; i < record.length; i++) slabWords[at + i] = record[i]!
    const dataOffset = offset + record.byteLength
    this.slab.set(data, dataOffset)
    this.push(NativeOp.DATAGRAM_SEND, generation, slot, dataOffset, length)
  }

  /** Room for `length` bytes in the slab. */
  private takeSlab(length: number): number {
    if (this.slab.length === 0) this.makeSlab()
    const { control } = this
    if (control[Control.SUBMIT_HEAD] === control[Control.SUBMIT_TAIL]) this.slabUsed = 0
    if (this.slabUsed + length > SEND_SLAB_BYTES) {
      this.flush()
      this.slabUsed = 0
    }
    const offset = this.slabUsed
    this.slabUsed = offset + length
    return offset
  }

  private makeSlab(): void {
    const memory = new ArrayBuffer(SEND_SLAB_BYTES)
    this.giveSlab(memory)
    this.slab = new Uint8Array(memory)
    this.slabWords = new Int32Array(memory)
  }

  /** A free entry at the tail. */
  private reserve(): number {
    const { control } = this
    const tail = control[Control.SUBMIT_TAIL]!
    if (((tail - control[Control.SUBMIT_HEAD]!) | 0) >= CAPACITY) {
      this.flush()
    }
    return tail & (CAPACITY - 1)
  }

  private commit(): void {
    const { control } = this
    control[Control.SUBMIT_TAIL] = control[Control.SUBMIT_TAIL]! + 1
    if (control[Control.ASLEEP] !== 0) this.ring.onWake()
  }
}

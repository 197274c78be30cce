// Which jobs of a thread pool are cancelled: one word of shared memory for each job that is running. So a
// thread can see it in the midst of a loop, and one that waits is woken.

import type { CancelWatch } from './job'

const RUNNING = 0
const CANCELLED = 1

/** The program's side. */
export class CancelFlags {
  readonly words: Int32Array
  private readonly free: number[]

  /** @param slots how many jobs run at once at most */
  constructor(slots: number) {
    this.words = new Int32Array(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT))
    this.free = Array.from({ length: slots }, (_, slot) => slot)
  }

  /** REQUIRES: fewer than `slots` are taken. */
  take(): number {
    const slot = this.free.pop() as number
    Atomics.store(this.words, slot, RUNNING)
    return slot
  }

  cancel(slot: number): void {
    Atomics.store(this.words, slot, CANCELLED)
    Atomics.notify(this.words, slot)
  }

  /** REQUIRES: the job is over. */
  giveBack(slot: number): void {
    this.free.push(slot)
  }
}

/** Atomics.waitAsync, which TypeScript's library of ES2023 does not know. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: Promise<string> | string }
const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync }

/** The thread's side: watches the word of one job. */
export class CancelFlag implements CancelWatch {
  private isOver = false
  private isWatching = false

  constructor(
    private readonly words: Int32Array,
    private readonly slot: number,
  ) {}

  isCancelled(): boolean {
    // Once the job is over the word may be another's.
    return !this.isOver && Atomics.load(this.words, this.slot) === CANCELLED
  }

  onCancel(listener: () => void): void {
    if (this.isCancelled()) {
      listener()
      return
    }
    this.isWatching = true
    const { async, value } = waitAsync(this.words, this.slot, RUNNING)
    const heard = () => {
      if (this.isCancelled()) listener()
    }
    if (async) void (value as Promise<string>).then(heard)
    else heard()
  }

  /** The job is over: nobody is told any more, and what waits for the word is let go. */
  end(): void {
    this.isOver = true
    if (this.isWatching) Atomics.notify(this.words, this.slot)
  }
}

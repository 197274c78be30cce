// A listening socket of the native backend.

import type { ListenerEvents, ListenerHandle, Place, SocketAddress } from './backend'
import { NativeOp } from './native_addon'
import type { NativeOwner } from './native_stream'
import { RUN_KIND } from './ready_ring'

export class NativeListener implements ListenerHandle {
  constructor(
    private readonly backend: NativeOwner,
    private readonly slot: number,
    readonly generation: number,
    readonly events: ListenerEvents,
    readonly place: Place,
  ) {
    if (slot >= 0) backend.ring.push(RUN_KIND, { run: () => events.listening() })
  }

  /** A listener that could not be made; its events hear of it in a turn. */
  static failed(backend: NativeOwner, events: ListenerEvents, error: Error): NativeListener {
    backend.ring.push(RUN_KIND, { run: () => events.listenFailed(error) })
    return new NativeListener(backend, -1, 0, events, { path: '' })
  }

  isOpen(): boolean {
    return this.slot >= 0
  }

  localAddress(): SocketAddress | null {
    if (this.slot < 0) return null
    const address = this.backend.addonLoop.address(this.slot, this.generation, false)
    return typeof address === 'number' ? null : address
  }

  pause(): void {
    this.submit(NativeOp.LISTEN_PAUSE)
  }

  resume(): void {
    this.submit(NativeOp.LISTEN_RESUME)
  }

  close(): void {
    if (this.slot < 0) return
    this.submit(NativeOp.LISTEN_CLOSE)
    this.backend.removeListener(this.slot)
  }

  private submit(op: number): void {
    if (this.slot >= 0) this.backend.submissions.push(op, this.generation, this.slot, 0, 0)
  }
}

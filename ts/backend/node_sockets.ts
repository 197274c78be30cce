// The sockets of Node's that a loop has open, and whether the loop is active: libuv keeps a process
// alive for each of them, but one of a loop that stands still can bring nothing.

export interface NodeSocket {
  destroy(): void
  /** Keeps the process alive, or not, as the state of the socket and of the loop has it now. */
  refresh(): void
}

export class NodeSockets {
  private readonly open = new Set<NodeSocket>()
  private active = false

  get size(): number {
    return this.open.size
  }

  get isActive(): boolean {
    return this.active
  }

  add(socket: NodeSocket): void {
    this.open.add(socket)
  }

  remove(socket: NodeSocket): void {
    this.open.delete(socket)
  }

  setActive(active: boolean): void {
    if (this.active === active) return
    this.active = active
    for (const socket of this.open) socket.refresh()
  }

  destroyAll(): void {
    for (const socket of [...this.open]) socket.destroy()
  }
}

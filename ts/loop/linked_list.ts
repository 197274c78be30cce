// An intrusive doubly linked list: adding and removing cost a few stores and allocate nothing,
// where a Set costs fifty nanoseconds an element.
//
// Invariant: a node is on one list, or its links are both null.

export interface Linked {
  /** @internal */
  _previous: Linked | null
  /** @internal */
  _next: Linked | null
}

export class LinkedList implements Iterable<Linked> {
  private readonly head: Linked = { _previous: null, _next: null }
  private last: Linked = this.head

  /** The node that was added before all that are left; null if there is none. */
  get first(): Linked | null {
    return this.head._next
  }

  /** REQUIRES: the node is on no list. */
  add(node: Linked): void {
    node._previous = this.last
    this.last._next = node
    this.last = node
  }

  /** REQUIRES: the node is on no list; `place` is on this one. */
  insertBefore(place: Linked, node: Linked): void {
    const previous = place._previous as Linked
    previous._next = node
    node._previous = previous
    node._next = place
    place._previous = node
  }

  /** Harmless when the node is on no list. */
  remove(node: Linked): void {
    const previous = node._previous
    if (previous === null) return
    const next = node._next
    previous._next = next
    if (next === null) this.last = previous
    else next._previous = previous
    node._previous = null
    node._next = null
  }

  *[Symbol.iterator](): Generator<Linked, void, undefined> {
    for (let node = this.head._next; node !== null; node = node._next) yield node
  }
}

// What `acquire()` gives: something that releases, for `using` and for `with`.

import { type Body, runBody } from '../combine/body'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'

/** What can be acquired and released. */
export interface Acquirable {
  acquire(): Operation<Guard>
  release(): void
}

/** Releases what was acquired, once. */
export class Guard implements Disposable {
  private owner: Acquirable | null

  /** @internal */
  constructor(owner: Acquirable) {
    this.owner = owner
  }

  /** Releases; harmless when it was called before. */
  release(): void {
    const { owner } = this
    this.owner = null
    owner?.release()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/** Acquires, runs `body` in the current task, and releases, whatever the body does. */
export function withAcquired<T>(owner: Acquirable, body: Body<void, T>): Operation<T> {
  return new GeneratorOperation('with', () => runAcquired(owner, body))
}

function* runAcquired<T>(
  owner: Acquirable,
  body: Body<void, T>,
): Generator<Future<unknown>, T, unknown> {
  const guard = yield* owner.acquire()
  try {
    return yield* runBody(body, undefined)
  } finally {
    guard.release()
  }
}

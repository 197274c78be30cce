// Operations that nobody waits for: `lock.acquire()` without `await` or `yield*` does nothing at all. In
// debug mode each is watched from its making, and warned of when it is collected or when the loop on which
// it was made closes, whichever comes first. Python says "coroutine 'x' was never awaited".
//
// Invariant: a record is in its loop's set until the operation begins or is warned of; it never holds the
// operation.

import { EventLoop } from '../loop/loop'
import { noteOrigin, originCall, originOf, originPlace } from '../loop/origins'
import { warnOfNeverAwaited } from '../loop/warnings'

interface Record {
  readonly loop: EventLoop
  readonly call: string
  readonly place: string | null
  readonly origin: string | null
}

const collected = new FinalizationRegistry<Record>((record) => report(record))
const records = new WeakMap<object, Record>()
const unbegun = new WeakMap<EventLoop, Set<Record>>()

/** An operation was made. */
export function watchOperation(operation: object): void {
  const loop = EventLoop._visited ?? EventLoop._run
  if (loop === null || !loop._debug) return
  noteOrigin(operation)
  const origin = originOf(operation)
  const call = originCall(operation)
  // What Gyre makes for itself, it waits for.
  if (origin === null || call === null) return
  const record = { loop, call, place: originPlace(operation), origin }
  records.set(operation, record)
  collected.register(operation, record, record)
  recordsOf(loop).add(record)
}

/** Somebody waits for it. */
export function operationBegins(operation: object): void {
  const record = records.get(operation)
  if (record === undefined) return
  records.delete(operation)
  collected.unregister(record)
  unbegun.get(record.loop)?.delete(record)
}

function recordsOf(loop: EventLoop): Set<Record> {
  let all = unbegun.get(loop)
  if (all === undefined) {
    all = new Set<Record>()
    unbegun.set(loop, all)
    const made = all
    loop._atClose.push(() => {
      for (const record of [...made]) {
        collected.unregister(record)
        report(record)
      }
    })
  }
  return all
}

function report(record: Record): void {
  if (unbegun.get(record.loop)?.delete(record) !== true) return
  warnOfNeverAwaited(record.call, record.place, record.origin)
}

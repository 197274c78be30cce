// The steps of async functions, timed in debug mode. They run as microtasks behind a visit, where the
// loop does not see them one by one: all that were resumed in a visit are timed together, and named
// together when they took long.

import { monotonicMs } from '../backend/clock'
import { printed } from '../errors/printing'
import { warnOfSlowSteps } from './warnings'

const NAMED_MAX = 3

export class PromiseSteps {
  private readonly resumed = new Set<object>()
  private hasOthers = false
  private beganMs: number | null = null
  private willEnd = false

  /** An async function goes on behind this visit; it belongs to `task`, or to none. */
  resume(task: object | null): void {
    if (task === null) this.hasOthers = true
    else this.resumed.add(task)
  }

  /** The visit is over, and the microtasks run. It is the end when they have, or with the next visit. */
  begin(limitMs: number): void {
    this.beganMs = monotonicMs()
    if (this.willEnd) return
    this.willEnd = true
    const end = () => {
      this.willEnd = false
      this.end(limitMs)
    }
    queueMicrotask(() => process.nextTick(end))
  }

  /** They have run; warns if they took longer than `limitMs`. */
  end(limitMs: number): void {
    const { beganMs, resumed } = this
    if (beganMs === null) return
    const tookMs = monotonicMs() - beganMs
    const isOurs = resumed.size > 0 || this.hasOthers
    if (isOurs && tookMs >= limitMs) warnOfSlowSteps(namesOf(resumed), tookMs)
    this.beganMs = null
    this.hasOthers = false
    resumed.clear()
  }
}

function namesOf(tasks: ReadonlySet<object>): string {
  const names = [...tasks].slice(0, NAMED_MAX).map((task) => printed(task, { depth: 0 }))
  if (names.length === 0) return 'what awaits futures outside of tasks'
  const more = tasks.size - names.length
  return `the async functions of ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

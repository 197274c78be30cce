// Random loads of both kinds of tasks. Whatever is cancelled, times out or fails: no task is lost, all
// of them end, no timer stays behind. The seed of a failure is in its message.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  CancelledError,
  createTask,
  Future,
  gather,
  getRunningLoop,
  run,
  shield,
  sleep,
  type Task,
  TimeoutError,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { Random } from '../parity/random.js'

class Load {
  readonly tasks: Task<unknown>[] = []
  private readonly futures: Future<number>[] = []

  constructor(
    private readonly random: Random,
    private readonly scaleMs: number,
  ) {}

  /** A body of either kind that does a few random things. */
  body(depth: number): () => Generator<Future<unknown>, number, unknown> | Promise<number> {
    return this.random.chance(50) ? () => this.generator(depth) : () => this.asynchronous(depth)
  }

  spawn(depth: number): Task<number> {
    const task = createTask(this.body(depth), { eagerStart: this.random.chance(20) })
    this.tasks.push(task)
    return task
  }

  private *generator(depth: number): Generator<Future<unknown>, number, unknown> {
    for (let left = this.random.between(1, 4); left > 0; left--) {
      try {
        yield* this.step(depth)
      } catch (error) {
        if (this.random.chance(60)) throw error
      } finally {
        if (this.random.chance(10)) yield* sleep(this.delay())
      }
    }
    if (this.random.chance(5)) throw new Error('by chance')
    return depth
  }

  private async asynchronous(depth: number): Promise<number> {
    for (let left = this.random.between(1, 4); left > 0; left--) {
      try {
        await this.step(depth)
      } catch (error) {
        if (this.random.chance(60)) throw error
      } finally {
        if (this.random.chance(10)) await sleep(this.delay())
      }
      if (this.random.chance(20)) await Promise.resolve()
    }
    if (this.random.chance(5)) throw new Error('by chance')
    return depth
  }

  private delay(): number {
    return this.random.below(10) * this.scaleMs
  }

  /** Something to wait for. */
  private step(depth: number) {
    const { random } = this
    const next = () => this.body(depth - 1)
    switch (depth <= 0 ? random.below(4) : random.below(13)) {
      case 0:
        return sleep(0)
      case 1:
        return sleep(this.delay())
      case 2:
        return this.future()
      case 3:
        this.meddle()
        return sleep(0)
      case 4:
        return this.spawn(depth - 1)
      case 5:
        return gather([next(), next(), this.spawn(depth - 1)], {
          returnExceptions: random.chance(50),
        })
      case 6:
        return gather([next(), next(), next(), next()], { limit: random.between(1, 3) })
      case 7:
        return wait([this.spawn(depth - 1), this.spawn(depth - 1)], {
          timeout: random.chance(50) ? this.delay() : null,
          returnWhen: random.pick(['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED']),
        })
      case 8:
        return waitFor(next(), this.delay())
      case 9:
        return shield(this.spawn(depth - 1))
      case 10:
        return timeout(this.delay(), next())
      case 11:
        return taskGroup(async (group) => {
          for (let count = random.between(1, 3); count > 0; count--) group.createTask(next())
          await sleep(this.delay())
        })
      default:
        return taskGroup(function* (group) {
          group.createTask(next())
          yield* sleep(0)
        })
    }
  }

  /** A future that a timer completes, fails or cancels. */
  private future(): Future<number> {
    const future = new Future<number>()
    this.futures.push(future)
    getRunningLoop().callLater(this.delay(), () => {
      if (future.done()) return
      const choice = this.random.below(4)
      if (choice === 0) future.cancel()
      else if (choice === 1) future.setException(new Error('by a timer'))
      else future.setResult(1)
    })
    return future
  }

  private meddle(): void {
    if (this.tasks.length === 0) return
    const task = this.random.pick(this.tasks)
    if (this.random.chance(40)) task.cancel(this.random.below(100))
    else if (this.random.chance(10)) task.uncancel()
  }
}

async function stress(seed: number, scaleMs: number, roots: number): Promise<void> {
  const load = new Load(new Random(seed), scaleMs)
  const loop = getRunningLoop()
  loop.setExceptionHandler((_loop, context) => {
    assert.match(context.message, /never retrieved|parent task was already done/)
  })
  const main = [...allTasks()][0]
  for (let i = 0; i < roots; i++) load.spawn(3)
  for (;;) {
    const left = [...allTasks()].filter((task) => task !== main)
    if (left.length === 0) break
    await wait(left)
  }
  for (const task of load.tasks) {
    assert.equal(task.done(), true, 'a task is lost')
    if (task.cancelled()) continue
    const error = task.exception()
    const isExpected =
      error === null ||
      error instanceof CancelledError ||
      error instanceof TimeoutError ||
      error instanceof AggregateError ||
      /^by (chance|a timer)$/.test((error as Error).message)
    if (!isExpected) throw error
  }
  await sleep(20 * scaleMs)
  assert.equal(loop.metrics().timers, 0, 'a timer stays behind')
}

async function tell<T>(seed: number, promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

test('no task is lost in random loads on the virtual clock', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    await tell(
      seed,
      runVirtual(() => stress(seed, 1, 20)),
    )
  }
})

test('no task is lost in random loads on the real clock', async () => {
  for (let seed = 1001; seed <= 1020; seed++) {
    await tell(
      seed,
      run(() => stress(seed, 0.2, 30)),
    )
  }
})

test('no task is lost in a random load that is new each time', async () => {
  const seed = Number(process.env.GYRE_SEED ?? Date.now() % 2 ** 31)
  console.log(`GYRE_SEED=${seed}`)
  await tell(
    seed,
    runVirtual(() => stress(seed, 1, 200)),
  )
})

// Random async functions, made of timeouts, groups, locks and sleeps, that are called side by side in one
// task: each must do what it does in a task of its own, at the same times.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  isCancelled,
  Lock,
  sleep,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { Random } from '../parity/random.js'

type Steps = Step[]
type Step =
  | { op: 'sleep'; ms: number }
  | { op: 'microtasks'; count: number }
  | { op: 'timeout' | 'generatorTimeout' | 'waitFor'; ms: number; body: Steps }
  | { op: 'group'; children: Steps[]; body: Steps }
  | { op: 'lock' | 'catch' | 'finally'; body: Steps }
  | { op: 'fail' }

type Log = (text: string) => void

class Programs {
  /** No two delays are alike, so that nothing happens at the same instant by chance. */
  private delays = 0

  constructor(private readonly random: Random) {}

  /** An odd number of microseconds above the milliseconds. */
  private delay(): number {
    this.delays++
    return this.random.between(1, 40) + this.delays / 1024
  }

  steps(depth: number): Steps {
    return Array.from({ length: this.random.between(1, 3) }, () => this.step(depth))
  }

  private step(depth: number): Step {
    const { random } = this
    const op = random.weighted([
      ['sleep', 8],
      ['microtasks', 1],
      ['fail', 1],
      ['timeout', depth > 0 ? 6 : 0],
      ['generatorTimeout', depth > 0 ? 2 : 0],
      ['waitFor', depth > 0 ? 3 : 0],
      ['group', depth > 0 ? 4 : 0],
      ['lock', depth > 0 ? 2 : 0],
      ['catch', depth > 0 ? 4 : 0],
      ['finally', depth > 0 ? 3 : 0],
    ])
    switch (op) {
      case 'sleep':
        return { op, ms: this.delay() }
      case 'microtasks':
        return { op, count: random.between(1, 4) }
      case 'fail':
        return { op }
      case 'group': {
        const children = Array.from({ length: random.below(3) }, () => this.steps(depth - 1))
        return { op, children, body: this.steps(depth - 1) }
      }
      case 'lock':
      case 'catch':
      case 'finally':
        return { op, body: this.steps(depth - 1) }
      default:
        return { op, ms: this.delay(), body: this.steps(depth - 1) }
    }
  }
}

async function runSteps(steps: Steps, log: Log): Promise<void> {
  for (const step of steps) {
    log(`> ${step.op}`)
    try {
      await runStep(step, log)
    } catch (error) {
      log(`x ${step.op} ${(error as Error).name}`)
      throw error
    }
    log(`< ${step.op}`)
  }
}

async function runStep(step: Step, log: Log): Promise<void> {
  switch (step.op) {
    case 'sleep':
      await sleep(step.ms)
      break
    case 'microtasks':
      for (let i = 0; i < step.count; i++) await Promise.resolve()
      break
    case 'fail':
      throw new Error('failed')
    case 'timeout':
      await timeout(step.ms, async () => await runSteps(step.body, log))
      break
    case 'generatorTimeout':
      await timeout(step.ms, function* () {
        yield* new Lock().with(async () => await runSteps(step.body, log))
      })
      break
    case 'waitFor':
      await waitFor(async () => await runSteps(step.body, log), step.ms)
      break
    case 'group':
      await taskGroup(async (group) => {
        step.children.forEach((child, index) => {
          group.createTask(async () => await runSteps(child, (text) => log(`${index}: ${text}`)))
        })
        await runSteps(step.body, log)
      })
      break
    case 'lock':
      await new Lock().with(async () => await runSteps(step.body, log))
      break
    case 'catch':
      await runSteps(step.body, log).catch((error) => {
        if (isCancelled(error)) throw error
        log('caught')
      })
      break
    case 'finally':
      try {
        await runSteps(step.body, log)
      } finally {
        log(`finally ${currentTask()?.cancelling()}`)
        await sleep(1)
      }
  }
}

/** The ways to run functions; each gives the tasks that they run in. */
const ALONE = (running: (() => Promise<unknown>)[]) => running.map((run) => createTask(run))
const GATHERED = (running: (() => Promise<unknown>)[]) => [
  createTask(async () => await gather(running.map((run) => run()))),
]
const ALL = (running: (() => Promise<unknown>)[]) => [
  createTask(async () => await Promise.all(running.map((run) => run()))),
]

/** What each function did, with times, when `start` has them all run, and they are cancelled at `killAt`. */
async function tracesOf(
  functions: readonly Steps[],
  start: typeof ALONE,
  killAt: number,
): Promise<string[][]> {
  const traces: string[][] = functions.map(() => [])
  await runVirtual(async () => {
    const begun = getRunningLoop().time()
    const running = functions.map((steps, index) => {
      const log = (text: string) => {
        traces[index]?.push(`${(getRunningLoop().time() - begun).toFixed(2)} ${text}`)
      }
      return async () => {
        await runSteps(steps, log).catch((error) => log(`ended ${(error as Error).name}`))
        log(`left with ${currentTask()?.cancelling()} requests`)
      }
    })
    const tasks = start(running)
    getRunningLoop().callLater(killAt, () => {
      for (const task of tasks) task.cancel()
    })
    await wait(tasks)
  })
  return traces
}

const SEED = Number(process.env.GYRE_SEED ?? Date.now() % 1_000_000)
const PROGRAMS = 100
const NEVER = 1_000

test(`functions side by side do what each does in its own task (GYRE_SEED=${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + PROGRAMS; seed++) {
    const random = new Random(seed)
    const programs = new Programs(random)
    const functions = Array.from({ length: random.between(2, 4) }, () => programs.steps(4))
    const killAt = random.chance(40) ? random.between(1, 100) : NEVER
    const alone = await tracesOf(functions, ALONE, killAt)
    const all = await tracesOf(functions, ALL, killAt)
    assert.deepEqual(all, alone, `Promise.all, GYRE_SEED=${seed}`)
    // A gather that is cancelled does not wait for promises: its task is done while they clean up.
    if (killAt < NEVER) continue
    const gathered = await tracesOf(functions, GATHERED, killAt)
    assert.deepEqual(gathered, alone, `gather, GYRE_SEED=${seed}`)
  }
})

// The process of one arm: arm_main.js <scenario> <case> <arm>. Reads lines, answers with lines.
//
// An operation arm is given a count, does as many operations, and answers with what one cost. A
// server arm says its port first, and answers every line with what its process has used up so far.
//
// By hand, for a profile (GYRE_BACKEND chooses the backend):
//   yes 100000 | head -20 | node --cpu-prof build/bench/arm_main.js <scenario> <case> <arm>

import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type Coroutine, createTask, Future, run, wrap } from 'gyre'
import type { Arm, Measurement, OperationArm, Own, PeerArm, ServerArm, Usage } from './scenario.js'
import { findScenario } from './scenarios.js'

const SETTLING_MS = 20

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  // maxRSS is in KiB on every system that Node runs on.
  return {
    cpuUs: user + system,
    rssBytes: process.memoryUsage.rss(),
    rssPeakBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function say(answer: unknown): void {
  process.stdout.write(`${typeof answer === 'number' ? answer : JSON.stringify(answer)}\n`)
}

/**
 * Lets V8's own threads end what they began in the round before. There is no forced collection: a full
 * one drops the shapes of objects of which none is alive just then, and with them the compiled code
 * that knows them, so that every round would measure the compiler.
 */
async function settle(): Promise<void> {
  await delay(SETTLING_MS)
}

/** Begins to measure `count` operations; the function that is returned ends it. */
function begin(count: number): () => Measurement {
  const startUsage = usage()
  const startedAtNs = process.hrtime.bigint()
  return () => {
    const wallNs = Number(process.hrtime.bigint() - startedAtNs)
    const { cpuUs, rssPeakBytes } = usage()
    return {
      cpuNs: ((cpuUs - startUsage.cpuUs) * 1e3) / count,
      wallNs: wallNs / count,
      rssPeakBytes,
    }
  }
}

const lines = createInterface({ input: process.stdin })

/** The counts that come in, for a coroutine to wait for; null at the end. */
class Counts {
  private readonly arrived: (number | null)[] = []
  private waiter: Future<void> | null = null

  constructor() {
    lines.on('line', (line) => this.arrive(Number(line)))
    lines.on('close', () => this.arrive(null))
  }

  *next(): Coroutine<number | null> {
    while (this.arrived.length === 0) {
      this.waiter = new Future<void>()
      yield* this.waiter
    }
    return this.arrived.shift()!
  }

  private arrive(count: number | null): void {
    this.arrived.push(count)
    this.waiter?.setResult()
    this.waiter = null
  }
}

async function operatePlainly(round: (count: number) => Own | Promise<Own>): Promise<void> {
  for await (const line of lines) {
    const count = Number(line)
    await settle()
    const end = begin(count)
    const own = await round(count)
    say({ ...end(), ...own })
  }
}

function* operateInLoop(arm: Exclude<OperationArm, { backend: null }>): Coroutine<void> {
  const counts = new Counts()
  for (;;) {
    const count = yield* counts.next()
    if (count === null) return
    if ('prepare' in arm && arm.prepare !== undefined) yield* arm.prepare(count)
    yield* wrap(settle())
    const end = begin(count)
    const own = 'steps' in arm ? yield* arm.steps(count) : yield* createTask(() => arm.round(count))
    say({ ...end(), ...own })
  }
}

function answerUsage(): void {
  lines.on('line', () => say(usage()))
  lines.on('close', () => process.exit())
}

function* serveInLoop(serve: () => Coroutine<number>): Coroutine<void> {
  say(yield* serve())
  yield* new Future<void>()
}

async function serve(arm: Exclude<ServerArm, PeerArm>): Promise<void> {
  answerUsage()
  if (arm.backend === null) say(await arm.serve())
  else await run(serveInLoop(arm.serve))
}

async function main(scenarioName = '', caseName = '', armName = ''): Promise<void> {
  const subject = findScenario(scenarioName)?.cases.find(({ name }) => name === caseName)
  const arms: readonly Arm[] = subject?.arms ?? []
  const arm = arms.find(({ name }) => name === armName)
  if (arm === undefined || 'peer' in arm)
    throw new Error(`no arm ${scenarioName} / ${caseName} / ${armName}`)
  if ('serve' in arm) {
    await serve(arm)
    return
  }
  if (arm.backend === null) await operatePlainly(arm.round)
  else await run(operateInLoop(arm))
  // Servers that an arm left open do not keep its process.
  process.exit()
}

await main(...process.argv.slice(2))

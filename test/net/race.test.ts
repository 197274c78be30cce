// Happy eyeballs: in which order addresses are tried, when the next one begins, who wins, and that
// nothing is left of the others.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Coroutine, createTask, type EventLoop, gather, getRunningLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { interleave, type RaceEnd, race } from '#gyre/net/race'

interface Address {
  address: string
  family: 4 | 6
}

const v4 = (address: string): Address => ({ address, family: 4 })
const v6 = (address: string): Address => ({ address, family: 6 })
const names = (list: Address[]) => list.map(({ address }) => address).join(' ')

test('families take turns, from the one that the resolver put first', () => {
  const mixed = [v6('a'), v6('b'), v6('c'), v4('1'), v4('2')]
  assert.equal(names(interleave(mixed, 1)), 'a 1 b 2 c')
  assert.equal(names(interleave(mixed, 2)), 'a b 1 c 2')
  assert.equal(names(interleave([v4('1'), v6('a'), v4('2')], 1)), '1 a 2')
  assert.equal(names(interleave([v4('1'), v4('2')], 1)), '1 2')
  assert.equal(names(interleave([v4('1'), v6('a'), v6('b')], 9)), '1 a b')
  assert.equal(names(interleave([], 1)), '')
})

/** An attempt that ends by itself after a while, well or badly. */
class Runner {
  aborted = false
  failed = false

  constructor(readonly name: string) {}

  abort(): void {
    this.aborted = true
  }
}

interface Course {
  log: string[]
  runners: Runner[]
  end: () => Coroutine<RaceEnd<Runner>>
}

/** A race of attempts that take so many milliseconds; below zero they fail after that time. */
function course(loop: EventLoop, plan: Record<string, number>, delayMs: number | null): Course {
  const log: string[] = []
  const runners: Runner[] = []
  const startedMs = loop.time()
  const begin = ({ address }: Address, settled: (error: Error | null) => void) => {
    log.push(`${address}@${Math.round(loop.time() - startedMs)}`)
    const runner = new Runner(address)
    runners.push(runner)
    const ms = plan[address]!
    loop.callLater(Math.abs(ms), () => {
      runner.failed = ms < 0
      settled(ms < 0 ? new Error(`no ${address}`) : null)
    })
    return runner
  }
  const addresses = Object.keys(plan).map(v4)
  return { log, runners, end: () => race(loop, { addresses, delayMs, begin }) }
}

/** The winner's name, or the errors' texts. */
function outcome(end: RaceEnd<Runner>): string {
  return 'winner' in end ? end.winner.name : end.errors.map(({ message }) => message).join(', ')
}

const races: {
  name: string
  plan: Record<string, number>
  delayMs: number | null
  log: string
  outcome: string
}[] = [
  {
    name: 'one address is tried alone',
    plan: { a: 1000 },
    delayMs: 250,
    log: 'a@0',
    outcome: 'a',
  },
  {
    name: 'a quick first address leaves the others untried',
    plan: { a: 249, b: 1 },
    delayMs: 250,
    log: 'a@0',
    outcome: 'a',
  },
  {
    name: 'a slow first address is joined by the second, which wins',
    plan: { a: 900, b: 100, c: 1 },
    delayMs: 250,
    log: 'a@0 b@250',
    outcome: 'b',
  },
  {
    name: 'a slow first address may still win',
    plan: { a: 260, b: 100 },
    delayMs: 250,
    log: 'a@0 b@250',
    outcome: 'a',
  },
  {
    name: 'a failure brings the next address on at once, and the delay counts from then',
    plan: { a: -10, b: 900, c: 5 },
    delayMs: 250,
    log: 'a@0 b@10 c@260',
    outcome: 'c',
  },
  {
    name: 'the failure of an address that was joined brings nobody on',
    plan: { a: -300, b: 900, c: 5 },
    delayMs: 250,
    log: 'a@0 b@250 c@500',
    outcome: 'c',
  },
  {
    name: 'when all fail, the errors come in the order of the addresses',
    plan: { a: -400, b: -10, c: -1 },
    delayMs: 250,
    log: 'a@0 b@250 c@260',
    outcome: 'no a, no b, no c',
  },
  {
    name: 'without a delay one is tried after the other',
    plan: { a: -400, b: -10, c: 1, d: 1 },
    delayMs: null,
    log: 'a@0 b@400 c@410',
    outcome: 'c',
  },
  {
    name: 'with a delay of nothing all are tried at once',
    plan: { a: 30, b: 20, c: 10 },
    delayMs: 0,
    log: 'a@0 b@0 c@0',
    outcome: 'c',
  },
]

for (const { name, plan, delayMs, log, outcome: expected } of races) {
  test(name, async () => {
    await runVirtual(function* () {
      const made = course(getRunningLoop(), plan, delayMs)
      const end = yield* made.end()
      assert.equal(outcome(end), expected)
      assert.equal(made.log.join(' '), log)
      const winner = 'winner' in end ? end.winner : null
      for (const runner of made.runners) {
        assert.equal(runner.aborted, runner !== winner && !runner.failed, runner.name)
      }
      // Late ends of those that were given up change nothing, and no timer is left.
      yield* sleep(10_000)
      assert.equal(made.log.join(' '), log)
    })
  })
}

test('a race that is cancelled at any time gives every attempt up', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    for (const afterMs of [0, 100, 250, 300, 600]) {
      const made = course(loop, { a: 9000, b: 9000, c: 9000 }, 250)
      const task = createTask(made.end())
      yield* sleep(afterMs)
      task.cancel()
      yield* gather([task], { returnExceptions: true })
      assert.equal(task.cancelled(), true)
      assert.equal(made.runners.length, Math.min(3, Math.floor(afterMs / 250) + 1))
      for (const runner of made.runners) assert.equal(runner.aborted, true)
      const begun = made.log.length
      yield* sleep(1000)
      assert.equal(made.log.length, begun)
    }
  })
})

test('a race that is cancelled when it is won gives the winner up', async () => {
  await runVirtual(function* () {
    const made = course(getRunningLoop(), { a: 100 }, 250)
    const task = createTask(made.end())
    // Its timer is armed after the attempt's, and so fires behind it, before the task has its turn.
    yield* sleep(0)
    getRunningLoop().callAt(100, () => task.cancel())
    yield* gather([task], { returnExceptions: true })
    assert.equal(task.cancelled(), true)
    assert.equal(made.runners[0]!.aborted, true)
  })
})

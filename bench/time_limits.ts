// Time limits that are kept: each request has one, as those of a server do, and almost none runs out.
// What a limit costs beside work that gives way once, and beside work that is done at once.

import { type Coroutine, type Operation, sleep, timeout, waitFor } from 'gyre'
import { onPythonLoops } from './python_arms.js'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const LIMIT_MS = 1000
const COUNT = 100_000

/** Calls `request` `count` times, one after the other; each must give its number. */
async function oneByOne(
  count: number,
  request: (index: number) => PromiseLike<number>,
): Promise<void> {
  for (let i = 0; i < count; i++) if ((await request(i)) !== i) throw new Error('a wrong result')
}

function* oneByOneInLoop(
  count: number,
  request: (index: number) => Operation<number>,
): Coroutine<void> {
  for (let i = 0; i < count; i++) {
    if ((yield* request(i)) !== i) throw new Error('a wrong result')
  }
}

/** What one writes without a library, with the timer cleared in the end. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too late')), LIMIT_MS)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

interface Work {
  readonly name: string
  /** What tasks.py calls it. */
  readonly python: string
  readonly plain: (index: number) => Promise<number>
  readonly generator: (index: number) => Coroutine<number>
  readonly async: (index: number) => Promise<number>
}

const givingWay: Work = {
  name: 'work that gives way once',
  python: 'gives-way',
  async plain(index) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return index
  },
  *generator(index) {
    yield* sleep(0)
    return index
  },
  async async(index) {
    await sleep(0)
    return index
  },
}

const doneAtOnce: Work = {
  name: 'work that is done at once',
  python: 'at-once',
  plain: async (index) => index,
  *generator(index) {
    return index
  },
  async: async (index) => index,
}

function limited({ name, python, plain, generator, async }: Work): OperationCase {
  return {
    kind: 'operation',
    name,
    count: COUNT,
    arms: [
      {
        name: 'Promise.race, setTimeout',
        backend: null,
        round: (count) => oneByOne(count, (index) => inTime(plain(index))),
      },
      ...onBothBackends('timeout, generator', {
        steps: (count: number) =>
          oneByOneInLoop(count, (index) => timeout(LIMIT_MS, () => generator(index))),
      }),
      ...onBothBackends('timeout, async', {
        round: (count: number) => oneByOne(count, (index) => timeout(LIMIT_MS, () => async(index))),
      }),
      ...onBothBackends('waitFor, generator', {
        steps: (count: number) =>
          oneByOneInLoop(count, (index) => waitFor(generator(index), LIMIT_MS)),
      }),
      ...onPythonLoops('timeout', 'timeout', python),
      ...onPythonLoops('wait_for', 'wait-for', python),
    ],
  }
}

export const timeLimits: Scenario = {
  name: 'limits',
  title: 'Time limits that are kept, CPU time for each',
  cases: [limited(givingWay), limited(doneAtOnce)],
}

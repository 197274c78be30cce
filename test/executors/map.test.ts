// Executor.map: ordered, lazy, in chunks.

import assert from 'node:assert/strict'
import { createTask, isCancelled, type JobResults, sleep } from 'gyre'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'
import { onBothPools, onPool } from './on_pools.js'

const square = (x: number) => x * x

function* countTo(end: number, pulled: number[] = [], onClose = () => {}) {
  try {
    for (let i = 0; i < end; i++) {
      pulled.push(i)
      yield i
    }
  } finally {
    onClose()
  }
}

for (const chunkSize of [1, 3, 100]) {
  onBothPools(`results come in order, in chunks of ${chunkSize}`, {}, async (executor) => {
    const jitter = async (x: number) => {
      await new Promise((resolve) => setTimeout(resolve, x % 3))
      return x * x
    }
    const all: number[] = []
    for await (const result of executor.map(jitter, countTo(20), { chunkSize })) all.push(result)
    assert.deepEqual(all, Array.from(countTo(20), square))
  })
}

onBothPools('generators read with next() and toArray()', {}, async (executor) => {
  const main = function* () {
    const results = executor.map(square, [1, 2, 3, 4])
    const first = yield* results.next()
    return [first.value, yield* results.toArray(), yield* results.next()]
  }
  assert.deepEqual(await createTask(main()), [1, [4, 9, 16], { value: undefined, done: true }])
})

onBothPools('an empty source gives nothing', {}, async (executor) => {
  assert.deepEqual(await executor.map(square, []).toArray(), [])
})

onBothPools('the source may be asynchronous', {}, async (executor) => {
  async function* source() {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      yield i
    }
  }
  assert.deepEqual(
    await executor.map(square, source(), { chunkSize: 2 }).toArray(),
    [0, 1, 4, 9, 16],
  )
})

onBothPools('an endless source is pulled only as far as it is read', {}, async (executor) => {
  const pulled: number[] = []
  const results = executor.map(square, countTo(Infinity, pulled), { bufferSize: 3 })
  await sleep(20)
  assert.equal(pulled.length, 3)
  assert.equal((await results.next()).value, 0)
  while (pulled.length < 4) await sleep(1)
  await sleep(20)
  assert.equal(pulled.length, 4)
  await results.return()
})

onBothPools('leaving the loop closes the source and cancels the rest', {}, async (executor) => {
  let isClosed = false
  const source = countTo(Infinity, [], () => {
    isClosed = true
  })
  for await (const result of executor.map(square, source)) if (result === 9) break
  assert.equal(isClosed, true)
  assert.equal(executor.queueSize, 0)
})

onBothPools(
  'the first error comes behind the results before it, and ends it',
  {},
  async (executor) => {
    const fussy = (x: number) => {
      if (x === 4) throw new RangeError('four')
      return x
    }
    let isClosed = false
    const source = countTo(Infinity, [], () => {
      isClosed = true
    })
    const results = executor.map(fussy, source, { chunkSize: 3 })
    const all: number[] = []
    const reading = (async () => {
      for await (const result of results) all.push(result)
    })()
    const error = await rejectionOf(reading)
    assert.ok(error instanceof RangeError)
    assert.deepEqual(all, [0, 1, 2, 3])
    assert.equal(isClosed, true)
    assert.deepEqual(await results.next(), { value: undefined, done: true })
  },
)

onBothPools('an error of the source comes behind what it gave', {}, async (executor) => {
  function* failing() {
    yield 2
    throw new TypeError('the source')
  }
  const results = executor.map(square, failing())
  assert.equal((await results.next()).value, 4)
  assert.ok((await rejectionOf(results.next())) instanceof TypeError)
})

onBothPools('an item that cannot be sent is an error in its place', {}, async (executor) => {
  const results = executor.map((x: unknown) => x, [1, () => 1, 3])
  assert.equal((await results.next()).value, 1)
  assert.equal(codeOf(await rejectionOf(results.next())), 'ERR_NOT_SENDABLE')
})

onBothPools('a worker that dies ends it', {}, async (executor) => {
  const dying = (x: number) => (x === 2 ? process.exit(1) : x)
  const results = executor.map(dying, countTo(5)) as JobResults<number>
  assert.equal((await results.next()).value, 0)
  assert.equal((await results.next()).value, 1)
  assert.equal(codeOf(await rejectionOf(results.next())), 'ERR_WORKER_DIED')
})

onBothPools(
  'map waits where submit would be refused',
  { maxWorkers: 1, maxQueue: 0 },
  async (executor) => {
    assert.deepEqual(
      await executor.map(square, countTo(10)).toArray(),
      Array.from(countTo(10), square),
    )
  },
)

onBothPools('reads that are asked for at once come in order', {}, async (executor) => {
  const results = executor.map(square, [1, 2, 3])
  const reads = [results.next(), results.next(), results.next(), results.next()]
  const values = (await Promise.all(reads)).map(({ value }) => value)
  assert.deepEqual(values, [1, 4, 9, undefined])
})

onBothPools('a read that is cancelled loses nothing', {}, async (executor) => {
  const slow = async (x: number) => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return x
  }
  const results = executor.map(slow, [7, 8])
  const read = results.next()
  await sleep(1)
  read.cancel()
  assert.ok(isCancelled(await rejectionOf(read)))
  assert.deepEqual(await results.toArray(), [7, 8])
})

onPool(
  'threads',
  'a map is ended by the shutdown of its executor',
  { maxWorkers: 1 },
  async (executor) => {
    const results = executor.map(square, countTo(Infinity))
    assert.equal((await results.next()).value, 0)
    void executor.shutdown()
    const error = await rejectionOf(results.toArray())
    assert.equal(codeOf(error), 'ERR_EXECUTOR_SHUT_DOWN')
  },
)

onPool('threads', 'bad arguments are refused at the call', {}, async (executor) => {
  const refused = (act: () => unknown) => codeOf(thrownBy(act))
  assert.equal(
    refused(() => executor.map(square, 5 as never)),
    'ERR_INVALID_ARG_TYPE',
  )
  assert.equal(
    refused(() => executor.map(square, [], { chunkSize: 0 })),
    'ERR_OUT_OF_RANGE',
  )
  assert.equal(
    refused(() => executor.map(square, [], { bufferSize: 0.5 })),
    'ERR_OUT_OF_RANGE',
  )
  assert.match(
    String(messageOf(thrownBy(() => executor.map((x: number) => x + refused.length, [])))),
    /needs refused/,
  )
})

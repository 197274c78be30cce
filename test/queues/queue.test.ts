// Queues: order, waiting, cancellation, join and shutdown, iteration. The order of events is compared
// with CPython's in test/parity.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  CancelledError,
  type Coroutine,
  createTask,
  gather,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

function drain<T>(queue: Queue<T>): T[] {
  const items: T[] = []
  while (!queue.empty()) items.push(queue.getNowait())
  return items
}

test('each kind of queue gives its items in its own order', () => {
  const [fifo, lifo, priority] = [new Queue<number>(), new LifoQueue<number>(), new PriorityQueue()]
  const numbers = Array.from({ length: 50 }, (_, i) => (i * 37) % 50)
  for (const number of numbers) {
    fifo.putNowait(number)
    lifo.putNowait(number)
    priority.putNowait([number % 5, number])
  }
  assert.deepEqual(drain(fifo), numbers)
  assert.deepEqual(drain(lifo), numbers.toReversed())
  const sorted = numbers.map((number) => [number % 5, number]).sort(byBoth)
  assert.deepEqual(drain(priority), sorted)
})

function byBoth(a: number[], b: number[]): number {
  return (a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number)
}

test('a full queue holds up who puts, an empty one who gets', async () => {
  const log: string[] = []
  await runVirtual(function* () {
    const queue = new Queue<number>(1)
    function* producer(): Coroutine<void> {
      for (let i = 0; i < 3; i++) {
        yield* queue.put(i)
        log.push(`put ${i}`)
      }
    }
    async function consumer(): Promise<void> {
      for (let i = 0; i < 3; i++) {
        await sleep(10)
        log.push(`got ${await queue.get()}`)
      }
    }
    yield* gather(producer(), consumer)
    assert.equal(queue.qsize(), 0)
  })
  assert.deepEqual(log, ['put 0', 'got 0', 'put 1', 'got 1', 'put 2', 'got 2'])
})

test('a getter that is cancelled when it was woken passes the item to the next', async () => {
  await runVirtual(function* () {
    const queue = new Queue<string>()
    const [first, second] = [createTask(queue.get()), createTask(queue.get())]
    yield* sleep(0)
    queue.putNowait('only')
    first.cancel()
    const [error, item] = yield* gather([first, second], { returnExceptions: true })
    assert.ok(error instanceof CancelledError)
    assert.equal(item, 'only')
  })
})

test('join ends when taskDone was called for each item; one too many is an error', async () => {
  await runVirtual(function* () {
    const queue = new Queue<number>()
    queue.putNowait(1)
    queue.putNowait(2)
    const joined = createTask(queue.join())
    drain(queue)
    queue.taskDone()
    yield* sleep(1)
    assert.equal(joined.done(), false)
    queue.taskDone()
    yield* joined
    assert.throws(() => queue.taskDone(), { code: 'ERR_TASK_DONE' })
  })
})

test('after shutdown, what is in the queue can be taken, and then QueueShutDown', async () => {
  await runVirtual(async () => {
    const queue = new Queue<number>(1)
    queue.putNowait(1)
    const putting = createTask(queue.put(2))
    await sleep(0)
    queue.shutdown()
    assert.ok((await rejectionOf(putting)) instanceof QueueShutDown)
    assert.throws(() => queue.putNowait(3), QueueShutDown)
    assert.equal(await queue.get(), 1)
    assert.ok((await rejectionOf(queue.get())) instanceof QueueShutDown)
    assert.throws(() => queue.getNowait(), QueueShutDown)
  })
})

test('an immediate shutdown drops the items, ends join, and wakes who waits', async () => {
  await runVirtual(function* () {
    const queue = new Queue<number>()
    queue.putNowait(1)
    const joined = createTask(queue.join())
    yield* sleep(0)
    queue.shutdown({ immediate: true })
    yield* joined
    assert.equal(queue.empty(), true)
  })
})

test('a queue is iterated until it is shut down, and gives promises as they are', async () => {
  const items = await runVirtual(async () => {
    const queue = new Queue<unknown>()
    const promise = Promise.resolve('inside')
    createTask(function* () {
      yield* queue.put(1)
      yield* sleep(1)
      yield* queue.put(promise)
      queue.shutdown()
    })
    const seen: unknown[] = []
    for await (const item of queue as AsyncIterable<number>) seen.push(item)
    return [seen.length, seen[0]]
  })
  assert.deepEqual(items, [2, 1])
})

test('what cannot be done at once says so', () => {
  const queue = new Queue<number>(1)
  assert.throws(() => queue.getNowait(), QueueEmpty)
  queue.putNowait(1)
  assert.equal(queue.full(), true)
  assert.throws(() => queue.putNowait(2), QueueFull)
  assert.throws(() => new Queue(1.5), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Queue('5' as never), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.equal(new Queue(-1).full(), false)
  const boundless = new Queue<number>(Infinity)
  boundless.putNowait(1)
  assert.equal(boundless.full(), false)
  assert.equal(inspect(queue), '<Queue maxsize=1 items=1 tasks=1>')
})

test('a queue keeps its order, however it grows and shrinks', () => {
  const queue = new Queue<number>()
  let [next, expected] = [0, 0]
  const put = (count: number) => {
    for (let i = 0; i < count; i++) queue.putNowait(next++)
  }
  const get = (count: number) => {
    for (let i = 0; i < count; i++) assert.equal(queue.getNowait(), expected++)
    assert.equal(queue.qsize(), next - expected)
  }
  for (let round = 0; round < 200; round++) {
    put(7)
    get(5)
  }
  get(400)
  assert.equal(queue.empty(), true)
  for (const count of [15, 16, 17, 1, 1023, 1024, 1025, 5000]) {
    put(count)
    get(count - 1)
    put(1)
    get(2)
    assert.equal(queue.empty(), true)
  }
})

test('a coroutine that is returned from when it was woken passes its turn on', async () => {
  await runVirtual(function* () {
    const queue = new Queue<string>()
    const coroutine = (function* (): Coroutine<string> {
      return yield* queue.get()
    })()
    coroutine.next()
    const second = createTask(queue.get())
    yield* sleep(0)
    queue.putNowait('only')
    coroutine.return('')
    assert.equal(yield* second, 'only')
  })
})

// The printed forms of futures and tasks, as asyncio prints them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  asCompleted,
  CancelledError,
  createTask,
  Event,
  Future,
  getRunningLoop,
  Lock,
  Queue,
  Semaphore,
  StreamReader,
  sleep,
  type Task,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

/** A printed form with every place in a file replaced by PLACE. */
function printed(future: Future<unknown>): string {
  return inspect(future).replaceAll(/[\w./-]*inspect\.test\.[jt]s:\d+/g, 'PLACE')
}

test('an operation prints what was called, and whether somebody waits for it', async () => {
  await runVirtual(async () => {
    const lock = new Lock()
    const printedForms: [object, string][] = [
      [wait([sleep(1)]), 'wait'],
      [waitFor(sleep(1), 5), 'waitFor'],
      [timeout(5, () => sleep(1)), 'timeout'],
      [taskGroup(async () => {}), 'taskGroup'],
      [lock.acquire(), 'Lock.acquire'],
      [lock.with(async () => {}), 'with'],
      [new Event().wait(), 'Event.wait'],
      [new Semaphore(1).acquire(), 'Semaphore.acquire'],
      [new Queue<number>().get(), 'Queue.get'],
      [new Queue<number>().put(1), 'Queue.put'],
      [new StreamReader().read(1), 'StreamReader.read'],
      [new StreamReader().readexactly(1), 'StreamReader.readexactly'],
      [new StreamReader().readline(), 'StreamReader.readline'],
    ]
    for (const [operation, call] of printedForms) {
      assert.equal(inspect(operation), `<Operation ${call} not begun>`)
    }
    const acquisition = lock.acquire()
    const waiting = waitFor(sleep(1), 5)
    await acquisition
    await waiting
    assert.equal(inspect(acquisition), '<Operation Lock.acquire begun>')
    assert.equal(inspect(waiting), '<Operation waitFor begun>')
    assert.equal(inspect({ waiting }), '{ waiting: <Operation waitFor begun> }')
  })
})

test('what asCompleted gives prints how many are to come', async () => {
  await runVirtual(function* () {
    const all = asCompleted([sleep(1), sleep(2)])
    assert.equal(inspect(all), '<asCompleted pending=2 arrived=0>')
    yield* sleep(1.5)
    assert.equal(inspect(all), '<asCompleted pending=1 arrived=1>')
    for (const next of all) yield* next
    assert.equal(inspect(all), '<asCompleted pending=0 arrived=0>')
  })
})

function* crawler(): Generator<Future<unknown>, number, unknown> {
  yield* sleep(5)
  return 3
}

test('a future prints its state and its outcome', async () => {
  await runVirtual(function* () {
    const [pending, finished, failed, cancelled] = Array.from({ length: 4 }, () => new Future())
    finished?.setResult(3)
    failed?.setException(new RangeError("it's wrong"))
    cancelled?.cancel()
    assert.equal(inspect(pending), '<Future pending>')
    assert.equal(inspect(finished), '<Future finished result=3>')
    assert.equal(inspect(failed), `<Future finished exception=RangeError("it's wrong")>`)
    assert.equal(inspect(cancelled), '<Future cancelled>')
    failed?.exception()
    yield* sleep(0)
  })
})

test('a long result is cut, a string is quoted, an error that is none is shown', async () => {
  await runVirtual(function* () {
    const [long, text, odd] = [new Future(), new Future(), new Future()]
    long.setResult(Array.from({ length: 1000 }, (_, i) => i))
    text.setResult('hello')
    odd.setException('a string')
    odd.exception()
    assert.ok(inspect(long).length < 130)
    assert.equal(inspect(text), "<Future finished result='hello'>")
    assert.equal(inspect(odd), "<Future finished exception='a string'>")
    yield* sleep(0)
  })
})

test('a pending future prints its callbacks: one, two, or the first and the last of many', async () => {
  await runVirtual(function* () {
    const future = getRunningLoop().createFuture<void>()
    function first() {}
    function middle() {}
    function last() {}
    future.addDoneCallback(first)
    assert.equal(inspect(future), '<Future pending cb=[first()]>')
    future.addDoneCallback(middle)
    assert.equal(inspect(future), '<Future pending cb=[first(), middle()]>')
    future.addDoneCallback(middle)
    future.addDoneCallback(last)
    assert.equal(inspect(future), '<Future pending cb=[first(), <2 more>, last()]>')
    future.setResult()
    assert.equal(inspect(future), '<Future finished result=undefined>')
    yield* sleep(0)
  })
})

test('a generator task prints its name, its coroutine and the line at which it stands', async () => {
  await runVirtual(function* () {
    const task = createTask(crawler(), { name: 'crawl' })
    assert.match(
      inspect(task),
      /^<Task pending name='crawl' coro=<crawler\(\) running at test\/task\/inspect\.test\.ts:\d+>>$/,
    )
    yield* sleep(0)
    const where = "name='crawl' coro=<crawler() running at PLACE> wait_for="
    assert.equal(
      printed(task),
      `<Task pending ${where}<Sleep pending cb=[Task.task_wakeup()]>>`.replace('Sleep', 'Future'),
    )
    yield* task
    assert.equal(
      printed(task),
      "<Task finished name='crawl' coro=<crawler() done, defined at PLACE> result=3>",
    )
  })
})

test('the line is the one of the innermost yield* in the body of the coroutine', async () => {
  await runVirtual(function* () {
    function* body(): Generator<Future<unknown>, void, unknown> {
      yield* sleep(1)
      yield* sleep(1)
    }
    const task = createTask(body())
    const lines: number[] = []
    for (let i = 0; i < 3; i++) {
      lines.push(Number(/:(\d+)>/.exec(inspect(task))?.[1]))
      yield* sleep(0)
      if (i === 1) yield* sleep(1)
    }
    assert.ok((lines[1] as number) > (lines[0] as number), `${lines}`)
    assert.equal((lines[2] as number) - (lines[1] as number), 1)
    yield* task
  })
})

test('an async task prints the name of its function', async () => {
  await runVirtual(async () => {
    async function fetchPage() {
      await sleep(5)
      return 'page'
    }
    const task = createTask(fetchPage, { name: 'fetch' })
    assert.equal(inspect(task), "<Task pending name='fetch' coro=<fetchPage() running>>")
    await sleep(1)
    assert.equal(
      inspect(task),
      "<Task pending name='fetch' coro=<fetchPage() running> wait_for=<Future pending cb=[<await>]>>",
    )
    await task
    assert.equal(
      inspect(task),
      "<Task finished name='fetch' coro=<fetchPage() done> result='page'>",
    )
  })
})

test('a task that is being cancelled, was cancelled, or failed says so', async () => {
  await runVirtual(function* () {
    const tasks = Array.from({ length: 2 }, (_, i) => createTask(crawler, { name: `t${i}` }))
    const [cancelled, ignoring] = tasks as [Task<number>, Task<number>]
    yield* sleep(0)
    cancelled.cancel()
    ignoring.cancel()
    assert.match(inspect(cancelled), /^<Task cancelling name='t0' /)
    try {
      yield* cancelled
    } catch (error) {
      assert.ok(error instanceof CancelledError)
    }
    assert.match(inspect(cancelled), /^<Task cancelled name='t0' coro=<crawler\(\) done[^>]*>>$/)
    const failing = createTask(
      function* () {
        throw new Error('no')
      },
      { name: 'bad' },
    )
    yield* sleep(0)
    assert.match(inspect(failing), /^<Task finished name='bad' .*exception=Error\('no'\)>$/)
    failing.exception()
    try {
      yield* ignoring
    } catch {}
  })
})

test('tasks that wait for one another print without end but once', async () => {
  await runVirtual(function* () {
    const tasks: Task<unknown>[] = []
    const wait = (other: number) =>
      function* () {
        yield* tasks[other] as Task<unknown>
      }
    tasks.push(createTask(wait(1), { name: 'chicken' }), createTask(wait(0), { name: 'egg' }))
    yield* sleep(0)
    const text = inspect(tasks[0])
    assert.match(text, /name='chicken'.*wait_for=<Task pending name='egg'.*wait_for=<Task \.\.\.>/)
    for (const task of tasks) {
      task.cancel()
      yield* sleep(1)
      assert.equal(task.cancelled(), true)
    }
  })
})

test('a name that is printed keeps its quotes, and a subclass its name', async () => {
  await runVirtual(function* () {
    class Reply extends Future<number> {}
    assert.equal(inspect(new Reply()), '<Reply pending>')
    const task = createTask(crawler, { name: "O'Hara" })
    assert.ok(inspect(task).includes("name='O'Hara'") || inspect(task).includes('name="O\'Hara"'))
    yield* task
  })
})

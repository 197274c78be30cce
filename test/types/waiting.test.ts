// What `yield*` and `await` give, as TypeScript sees it. The compiler holds these assertions; the one
// test at the end shows that the program does what its types say.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asCompleted,
  type Coro,
  type Coroutine,
  createTask,
  ensureFuture,
  Future,
  gather,
  getRunningLoop,
  type Operation,
  run,
  shield,
  sleep,
  Task,
  TaskGroup,
  type Timeout,
  taskGroup,
  timeout,
  timeoutAt,
  type WaitResult,
  wait,
  waitFor,
  wrap,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { type Equal, type Expect, typed } from './equal.js'

function* numbers(): Coroutine<number> {
  yield* sleep(0)
  return 1
}
function* inferred(name: string) {
  yield* sleep(0)
  return name
}
const text = async () => 'text'
const flags = (): Promise<boolean> => Promise.resolve(true)

// The kinds of coroutine as createTask takes them.
const tasks = () => ({
  generator: createTask(numbers()),
  generatorFunction: createTask(numbers),
  inferredGenerator: createTask(inferred('x')),
  arrowToGenerator: createTask(() => inferred('x')),
  asyncFunction: createTask(text),
  promise: createTask(flags()),
  future: createTask(new Future<bigint>()),
  operation: createTask(waitFor(numbers(), 5)),
  nothing: createTask(async () => {}),
})
type Tasks = ReturnType<typeof tasks>
export type TaskTypes = [
  Expect<Equal<Tasks['generator'], Task<number>>>,
  Expect<Equal<Tasks['generatorFunction'], Task<number>>>,
  Expect<Equal<Tasks['inferredGenerator'], Task<string>>>,
  Expect<Equal<Tasks['arrowToGenerator'], Task<string>>>,
  Expect<Equal<Tasks['asyncFunction'], Task<string>>>,
  Expect<Equal<Tasks['promise'], Task<boolean>>>,
  Expect<Equal<Tasks['future'], Task<bigint>>>,
  Expect<Equal<Tasks['operation'], Task<number>>>,
  Expect<Equal<Tasks['nothing'], Task<void>>>,
  Expect<Equal<Awaited<Future<number>>, number>>,
  Expect<Equal<Awaited<Task<string>>, string>>,
  Expect<Equal<Awaited<Operation<boolean>>, boolean>>,
]

/** Every way to wait in a generator. Its own return type is inferred: no annotation is needed. */
function* inGenerator() {
  typed<number>()(yield* new Future<number>())
  typed<number>()(yield* createTask(numbers))
  typed<number>()(yield* numbers())
  typed<void>()(yield* sleep(1))
  typed<string>()(yield* sleep(1, 'slept'))
  typed<number>()(yield* shield(numbers()))
  typed<string>()(yield* ensureFuture(text))
  typed<boolean>()(yield* wrap(flags()))
  typed<string>()(yield* waitFor(text, 5))
  typed<number>()(yield* waitFor(numbers(), null))
  typed<string>()(yield* timeout(5, text))
  typed<number>()(yield* timeout(5, numbers))
  typed<Date>()(
    yield* timeout(null, function* (deadline) {
      typed<Timeout>()(deadline)
      yield* sleep(1)
      return new Date()
    }),
  )
  typed<boolean>()(yield* timeoutAt(5, flags))
  typed<string[]>()(
    yield* taskGroup(async (group) => {
      typed<TaskGroup>()(group)
      typed<Task<number>>()(group.createTask(numbers))
      typed<Task<string>>()(group.createTask(text, { name: 'text' }))
      return [await group.createTask(text)]
    }),
  )
  const tuple = yield* gather(numbers(), text, flags(), sleep(1, null))
  typed<[number, string, boolean, null]>()(tuple)
  const listed = yield* gather([numbers(), text])
  typed<[number, string]>()(listed)
  const settled = yield* gather([numbers(), text], { returnExceptions: true })
  typed<[number | Error, string | Error]>()(settled)
  const many = yield* gather([1, 2, 3].map(() => numbers()))
  typed<number[]>()(many)
  const manyLimited = yield* gather(
    [1, 2, 3].map(() => text),
    { limit: 2 },
  )
  typed<string[]>()(manyLimited)
  const nothing = yield* gather()
  typed<[]>()(nothing)
  const waited = yield* wait([createTask(numbers), createTask(numbers)])
  typed<WaitResult<number>>()(waited)
  typed<Set<Future<number>>>()(waited.done)
  const mixed = yield* wait([createTask(numbers), createTask(text)], { timeout: 5 })
  typed<Set<Future<number | string>>>()(mixed.pending)
  for (const next of asCompleted([numbers(), numbers()])) {
    typed<Operation<number>>()(next)
    typed<number>()(yield* next)
  }
  for (const next of asCompleted([numbers(), text])) typed<number | string>()(yield* next)
  return 'end' as const
}
export type GeneratorType = Expect<
  ReturnType<typeof inGenerator> extends Coroutine<'end'> ? true : false
>

/** Every way to wait in an async function. */
async function inAsync() {
  typed<number>()(await new Future<number>())
  typed<number>()(await createTask(numbers))
  typed<void>()(await sleep(1))
  typed<string>()(await sleep(1, 'slept'))
  typed<number>()(await shield(numbers))
  typed<string>()(await waitFor(text, 5))
  typed<number>()(await timeout(5, numbers))
  typed<boolean>()(await timeoutAt(5, flags))
  typed<number>()(await taskGroup(async () => 5))
  typed<[number, string, boolean]>()(await gather(numbers(), text, flags()))
  typed<[number | Error, string | Error]>()(
    await gather([numbers, text], { returnExceptions: true }),
  )
  typed<WaitResult<number>>()(await wait([numbers(), numbers]))
  for (const next of asCompleted([text, text])) typed<string>()(await next)
  for await (const future of asCompleted([text, text])) typed<string>()(await future)
  typed<number>()(await new Future<number>().then((n) => n + 1))
  typed<number | 'none'>()(await createTask(numbers).catch(() => 'none' as const))
  typed<number>()(await createTask(numbers).finally(() => {}))
  typed<[number, string]>()(await Promise.all([createTask(numbers), createTask(text)]))
  return 5 as const
}

type Either = Promise<number> | Coroutine<string> | (() => Promise<boolean>)
type Each = number | string | boolean

/** One of several kinds of coroutine gives one of several results. */
export async function inUnions(either: Either, promise: Promise<number> | Promise<string>) {
  typed<number | string>()(await shield(promise))
  typed<Each>()(await shield(either))
  typed<Each>()(await waitFor(either, 5))
  typed<Task<Each>>()(createTask(either))
  typed<Task<Each>>()(createTask(either, { name: 'either' }))
  typed<Task<Each>>()(getRunningLoop().createTask(either))
  typed<Future<Each>>()(ensureFuture(either))
  typed<Future<number | string>>()(wrap(promise))
  typed<[Each, number | string]>()(await gather(either, promise))
  typed<WaitResult<Each>>()(await wait([either]))
  for (const next of asCompleted([either])) typed<Each>()(await next)
  typed<number | string>()(await timeout(5, () => promise))
  typed<number | string>()(
    await timeoutAt(5, (deadline) => {
      typed<Timeout>()(deadline)
      return promise
    }),
  )
  await taskGroup(async (group) => typed<Task<Each>>()(group.createTask(either)))
  typed<void>()(await shield(doNothing()))
  typed<null | undefined>()(await waitFor(Promise.resolve<null | undefined>(null), 5))
}

async function doNothing(): Promise<void> {}

export type EntryTypes = [
  Expect<Equal<ReturnType<typeof run<number>>, Promise<number>>>,
  Expect<Equal<ReturnType<typeof runVirtual<string>>, Promise<string>>>,
]

/** Programs that must not compile; none of it runs. */
export function misuse(task: Task<number>, future: Future<number>): unknown[] {
  const doNothing = async () => {}
  return [
    // @ts-expect-error a number is no coroutine
    () => createTask(5),
    // @ts-expect-error a function with arguments has to be wrapped in another
    () => createTask(inferred),
    // @ts-expect-error a function that gives no coroutine
    () => createTask(() => 5),
    // @ts-expect-error options of another kind
    () => createTask(doNothing, { nam: 'x' }),
    // @ts-expect-error the wrong result
    () => future.setResult('text'),
    // @ts-expect-error the result is a number
    (): string => future.result(),
    // @ts-expect-error a task of another result
    (): Task<string> => task,
    // @ts-expect-error a string is no number of milliseconds
    () => sleep('5'),
    // @ts-expect-error a body that gives no coroutine
    () => timeout(5, () => 5),
    // @ts-expect-error an unknown mode
    () => wait([task], { returnWhen: 'ANY' }),
    // @ts-expect-error one future is no list
    () => wait(5),
    // @ts-expect-error a number among coroutines
    () => gather(task, 5),
    // @ts-expect-error an option that does not exist
    () => gather([task], { limits: 5 }),
    // @ts-expect-error no coroutine
    () => run(5),
    // @ts-expect-error a callback is needed
    () => future.addDoneCallback(),
    // @ts-expect-error what the callback takes is the future
    () => future.addDoneCallback((result: number) => result),
  ]
}

test('what the types promise is what is there', async () => {
  await runVirtual(async () => {
    assert.ok(tasks().generator instanceof Task)
    const all = await gather([numbers(), text, flags()], { returnExceptions: true })
    assert.deepEqual(all, [1, 'text', true])
    const made: Coro<unknown>[] = [inGenerator, inAsync]
    assert.equal(made.length, 2)
    const { done } = await wait([numbers(), text])
    assert.deepEqual(
      [...done].map((future) => future.result()),
      [1, 'text'],
    )
    for (const task of Object.values(tasks())) task.cancel()
    await taskGroup(async (group) => assert.ok(group instanceof TaskGroup))
  })
})

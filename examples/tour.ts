// The tour (`npm start`): what Gyre is for, on real sockets, in a few seconds.
//
//   1. A crawler: many pages at once, a time limit for each, all of it cancellable.
//   2. A race: the first of several services to answer wins, the others are cancelled.
//   3. An echo server under load, on both backends and on node:net.
//
// The crawler is written with generator functions (`yield*`), the race with async functions
// (`await`). A task runs either kind, and `task.signal` carries its cancellation into fetch.

import {
  backendInfo,
  CancelledError,
  type Coroutine,
  createTask,
  currentTask,
  gather,
  isCancelled,
  run,
  sleep,
  timeout,
  wait,
  wrap,
} from 'gyre'
import type { Site } from './site/site.js'
import { compareEchoServers } from './tour/echo_race.js'
import { heading, milliseconds, printTable, say } from './tour/print.js'
import { startServices, startSite } from './tour/site.js'

// ——— 1. The crawler ———

const PAGE_LIMIT_MS = 500

interface Visit {
  path: string
  outcome: string
  tookMs: number
}

function* fetchPage(url: string): Coroutine<string> {
  const response = yield* wrap(fetch(url, { signal: currentTask()!.signal }))
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return yield* wrap(response.text())
}

/** One page: what it says, or what became of it. An error here concerns no other page. */
function* visit(site: Site, path: string): Coroutine<Visit> {
  const startedAtMs = performance.now()
  let outcome: string
  try {
    outcome = yield* timeout(PAGE_LIMIT_MS, () => fetchPage(site.url + path))
  } catch (error) {
    if (isCancelled(error)) throw error
    outcome = `${(error as Error).name}: ${(error as Error).message}`
  }
  return { path, outcome, tookMs: performance.now() - startedAtMs }
}

function* crawl(): Coroutine<void> {
  const site = yield* wrap(startSite())
  try {
    heading(`A crawl: ${site.paths.length} pages at once, at most ${PAGE_LIMIT_MS} ms for each`)
    const startedAtMs = performance.now()
    const visits = yield* gather(site.paths.map((path) => visit(site, path)))
    const tookMs = performance.now() - startedAtMs
    printTable(visits.map((page) => [page.path, page.outcome, milliseconds(page.tookMs)]))
    const slowestMs = Math.max(...visits.map((page) => page.tookMs))
    const sumMs = visits.reduce((sum, page) => sum + page.tookMs, 0)
    say(`All took ${milliseconds(tookMs)}, as long as the slowest (${milliseconds(slowestMs)});`)
    say(`one after another they would have taken ${milliseconds(sumMs)}.`)
  } finally {
    site.close()
  }
}

function* cancelledCrawl(): Coroutine<void> {
  const site = yield* wrap(startSite())
  try {
    heading('The same crawl, cancelled after 150 ms')
    const pages = site.paths.map((path) => createTask(visit(site, path), { name: path }))
    const whole = gather(pages)
    yield* sleep(150)
    whole.cancel('seen enough')
    try {
      yield* whole
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error
      say(`${error.name}, with the reason that was given: '${error.reason}'.`)
    }
    const there = pages.filter((page) => !page.cancelled())
    say(`There already: ${there.map((page) => page.getName()).join(', ')}`)
    yield* sleep(20)
    say(`Cancelled, and their server saw the connections drop: ${site.dropped.join(', ')}`)
  } finally {
    site.close()
  }
}

// ——— 2. The race ———

async function ask(service: Site): Promise<string> {
  const response = await fetch(service.url, { signal: currentTask()!.signal })
  return response.text()
}

/** The first answer. Nobody waits for, or pays for, the others. */
async function firstAnswer(services: readonly Site[]): Promise<string> {
  const tasks = services.map((service) => createTask(() => ask(service), { name: service.name }))
  const { done, pending } = await wait(tasks, { returnWhen: 'FIRST_COMPLETED' })
  for (const task of pending) task.cancel()
  await gather([...pending], { returnExceptions: true })
  const [winner] = done
  return winner!.result() as string
}

async function race(): Promise<void> {
  const services = await startServices({ Oslo: 240, Lima: 60, Osaka: 150 })
  try {
    heading(`A race: the first of ${services.length} services to answer wins`)
    const startedAtMs = performance.now()
    const answer = await firstAnswer(services)
    say(`${answer}, after ${milliseconds(performance.now() - startedAtMs)}.`)
    await sleep(20)
    const losers = services.filter((service) => service.dropped.length > 0)
    const names = losers.map((service) => service.name).join(', ')
    say(`Cancelled, and they saw their client leave before they had answered: ${names}`)
  } finally {
    for (const service of services) service.close()
  }
}

// ——— All of it ———

function* tour(): Coroutine<void> {
  const { name, poller, version, reason } = backendInfo()
  say(`Gyre ${version} on Node ${process.version}: the ${name} backend, over ${poller}.`)
  if (reason !== undefined) say(`It is not the native one, because ${reason}.`)
  yield* crawl()
  yield* cancelledCrawl()
  yield* createTask(race)
  yield* compareEchoServers()
}

await run(tour())

// The locks and queues as machines: how each is brought into each of its states, and what is then
// done to it. The same is done to CPython's asyncio by oracle.py; what that made of it is recorded in
// asyncio/machines.json (`npm run matrix:record`), and machines.test.ts compares.
//
// Names of methods are Gyre's; oracle.py knows them in Python's spelling.

/** A method and its arguments. `with` is `async with` in Python. */
export type Act = readonly [method: string, ...args: (number | string | readonly number[])[]]

/** What happens outside of the coroutines that use the machine. */
export type Command =
  /** A task that does these acts one after another. */
  | { readonly spawn: string; readonly acts: readonly Act[] }
  /** One act, at once. */
  | { readonly call: Act }
  | { readonly cancel: string }
  /** Everything that is ready runs, and what that makes ready as well, as many times. */
  | { readonly turns: number }

export interface Machine {
  readonly kind: string
  readonly argument?: number
  readonly states: Readonly<Record<string, readonly Command[]>>
  readonly operations: Readonly<Record<string, readonly Command[]>>
  /** What is looked at in the end. */
  readonly observed: readonly string[]
}

const turn: Command = { turns: 1 }

function spawn(name: string, ...acts: Act[]): Command {
  return { spawn: name, acts }
}

function call(...act: Act): Command {
  return { call: act }
}

function cancel(name: string): Command {
  return { cancel: name }
}

/** The operation is an act in a task of its own; and the same, cancelled as soon as it waits. */
function inTask(...acts: Act[]): Record<string, readonly Command[]> {
  const name = acts.map(([method]) => method).join(', ')
  const task = spawn('op', ...acts)
  return {
    [name]: [task],
    [`${name}, cancelled before its first step`]: [task, cancel('op')],
    [`${name}, cancelled in the next turn`]: [task, turn, cancel('op')],
  }
}

/** Operations that are single calls. */
function calls(...acts: Act[]): Record<string, readonly Command[]> {
  return Object.fromEntries(acts.map((act) => [act.join(' '), [call(...act)]]))
}

/** The states of what tasks take and give back; `holders` take all there is. */
function takenInTurn(holders: readonly Command[]): Record<string, readonly Command[]> {
  const waiting = [
    ...holders,
    spawn('first', ['acquire'], ['release']),
    spawn('second', ['acquire'], ['release']),
    turn,
  ]
  return {
    free: [],
    held: [...holders, turn],
    'held, two waiting': waiting,
    'held, the first of two waiting cancelled': [...waiting, cancel('first')],
    'held, the first of two cancelled and gone': [...waiting, cancel('first'), turn],
    'given back, the first of two woken': [...waiting, call('release')],
    'given back, the woken one cancelled': [...waiting, call('release'), cancel('first')],
    'given back, the second of two cancelled': [...waiting, call('release'), cancel('second')],
    'used by all and free again': [...waiting, call('release'), { turns: 6 }],
  }
}

const acquiring = {
  ...inTask(['acquire']),
  ...inTask(['with']),
  ...calls(['locked'], ['release']),
  'release twice': [call('release'), call('release')],
  'release, acquire at once': [call('release'), spawn('op', ['acquire'])],
}

const lock: Machine = {
  kind: 'Lock',
  states: takenInTurn([spawn('holder', ['acquire'])]),
  operations: acquiring,
  observed: ['locked'],
}

function semaphore(kind: string): Machine {
  return {
    kind,
    argument: 2,
    states: {
      ...takenInTurn([spawn('holder', ['acquire']), spawn('other', ['acquire'])]),
      'one of two held': [spawn('holder', ['acquire']), turn],
    },
    operations: {
      ...acquiring,
      'release three times': [call('release'), call('release'), call('release')],
    },
    observed: ['locked'],
  }
}

const emptySemaphore: Machine = {
  kind: 'Semaphore',
  argument: 0,
  states: { 'made with nothing to take': [], 'one waiting': [spawn('first', ['acquire']), turn] },
  operations: acquiring,
  observed: ['locked'],
}

const eventWaiting = [spawn('first', ['wait']), spawn('second', ['wait']), turn]

const event: Machine = {
  kind: 'Event',
  states: {
    unset: [],
    set: [call('set')],
    cleared: [call('set'), call('clear')],
    'unset, two waiting': eventWaiting,
    'unset, one of two cancelled': [...eventWaiting, cancel('first')],
    'set, two woken': [...eventWaiting, call('set')],
    'set, one of the woken cancelled': [...eventWaiting, call('set'), cancel('first')],
    'set and cleared, two woken': [...eventWaiting, call('set'), call('clear')],
  },
  operations: { ...calls(['isSet'], ['set'], ['clear']), ...inTask(['wait']) },
  observed: ['isSet'],
}

const conditionWaiting = [
  spawn('first', ['acquire'], ['wait'], ['release']),
  spawn('second', ['acquire'], ['wait'], ['release']),
  { turns: 4 },
]
const conditionHeld = [...conditionWaiting, spawn('holder', ['acquire']), turn]

const condition: Machine = {
  kind: 'Condition',
  states: {
    free: [],
    held: [spawn('holder', ['acquire']), turn],
    'two waiting': conditionWaiting,
    'two waiting, held': conditionHeld,
    'two waiting, one cancelled': [...conditionWaiting, cancel('first')],
    'two waiting, held, one cancelled': [...conditionHeld, cancel('first'), turn],
    'one notified, held': [...conditionHeld, call('notify'), turn],
    'one notified and cancelled, held': [...conditionHeld, call('notify'), cancel('first'), turn],
    'all notified, held': [...conditionHeld, call('notifyAll'), turn],
  },
  operations: {
    ...acquiring,
    ...calls(['notify'], ['notify', 0], ['notify', 5], ['notifyAll']),
    ...inTask(['wait']),
    ...inTask(['acquire'], ['wait'], ['release']),
    ...inTask(['acquire'], ['waitFor', 'always'], ['release']),
    ...inTask(['acquire'], ['waitFor', 'never'], ['release']),
  },
  observed: ['locked'],
}

const barrierOne = [spawn('first', ['wait']), { turns: 2 }]
const barrierTwo = [...barrierOne, spawn('second', ['wait'])]

const barrier: Machine = {
  kind: 'Barrier',
  argument: 2,
  states: {
    'nobody there': [],
    'one there': barrierOne,
    'the one there cancelled': [...barrierOne, cancel('first')],
    'the last one about to come': barrierTwo,
    'all there, leaving': [...barrierTwo, turn],
    'all there, leaving, one cancelled': [...barrierTwo, turn, cancel('first')],
    'all gone': [...barrierTwo, { turns: 6 }],
    'being reset': [...barrierOne, spawn('resetter', ['reset']), turn],
    aborted: [spawn('aborter', ['abort']), turn],
    'aborted while one was there': [...barrierOne, spawn('aborter', ['abort']), turn],
    'aborted, then reset': [spawn('aborter', ['abort']), turn, spawn('resetter', ['reset']), turn],
  },
  operations: {
    ...inTask(['wait']),
    ...inTask(['with']),
    ...inTask(['reset']),
    ...inTask(['abort']),
  },
  observed: ['nWaiting', 'broken', 'parties'],
}

const twoItems = [call('putNowait', 2), call('putNowait', 1)]
const getting = [spawn('first', ['get']), spawn('second', ['get']), turn]
const putting = [...twoItems, spawn('first', ['put', 4]), spawn('second', ['put', 3]), turn]
const joining = [...twoItems, spawn('joiner', ['join']), turn]

function queue(kind: string, argument: number): Machine {
  const bounded = {
    'full, two putting': putting,
    'full, one of two putting cancelled': [...putting, cancel('first')],
    'one taken, a putter woken': [...putting, call('getNowait')],
    'one taken, the woken putter cancelled': [...putting, call('getNowait'), cancel('first')],
    'full, two putting, shut down': [...putting, call('shutdown')],
    'full, two putting, shut down at once': [...putting, call('shutdownNow')],
  }
  return {
    kind,
    argument,
    states: {
      empty: [],
      'one item': [call('putNowait', 5)],
      'two items': twoItems,
      'empty, two getting': getting,
      'empty, one of two getting cancelled': [...getting, cancel('first')],
      'one put, a getter woken': [...getting, call('putNowait', 5)],
      'one put, the woken getter cancelled': [...getting, call('putNowait', 5), cancel('first')],
      'one put, its item taken away': [...getting, call('putNowait', 5), call('getNowait')],
      'two items, joined': joining,
      'taken, joined': [...joining, call('getNowait'), call('getNowait')],
      'shut down, empty': [call('shutdown')],
      'shut down, two items': [...twoItems, call('shutdown')],
      'shut down at once, two items': [...twoItems, call('shutdownNow')],
      'two getting, shut down': [...getting, call('shutdown')],
      'two items, joined, shut down at once': [...joining, call('shutdownNow')],
      ...(argument > 0 ? bounded : {}),
    },
    operations: {
      ...calls(['putNowait', 9], ['getNowait'], ['taskDone'], ['shutdown'], ['shutdownNow']),
      ...inTask(['put', 9]),
      ...inTask(['get']),
      ...inTask(['join']),
      'taskDone three times': [call('taskDone'), call('taskDone'), call('taskDone')],
    },
    observed: ['qsize', 'empty', 'full'],
  }
}

export const machines: Readonly<Record<string, Machine>> = {
  Lock: lock,
  Event: event,
  Condition: condition,
  'Semaphore of 2': semaphore('Semaphore'),
  'Semaphore of 0': emptySemaphore,
  BoundedSemaphore: semaphore('BoundedSemaphore'),
  Barrier: barrier,
  'Queue of 2': queue('Queue', 2),
  'Queue of any size': queue('Queue', 0),
  'Queue of negative size': queue('Queue', -1),
  PriorityQueue: queue('PriorityQueue', 2),
  LifoQueue: queue('LifoQueue', 2),
}

/** How long a cell goes on after its operation. */
export const SETTLING_TURNS = 12

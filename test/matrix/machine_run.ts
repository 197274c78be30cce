// Runs a cell of machines.ts on Gyre: brings the machine into the state, does the operation, lets
// everything settle, and tells what happened, line by line, as oracle.py does.

import {
  Barrier,
  BoundedSemaphore,
  Condition,
  type Coroutine,
  createTask,
  Event,
  Guard,
  LifoQueue,
  Lock,
  Operation,
  PriorityQueue,
  Queue,
  Semaphore,
  sleep,
  type Task,
} from 'gyre'
import { type Act, type Command, type Machine, SETTLING_TURNS } from './machines.js'

/** How a cell is run. */
export interface Manner {
  /** What its tasks are. Async functions go on behind the turn, so their turns cannot be counted. */
  readonly tasks: 'generators' | 'async functions'
  /** Whether `turns` gives so many turns, or lets everything settle. */
  readonly pace: 'turns' | 'settled'
}

type Member = (...args: unknown[]) => unknown

/**
 * What was recorded of a cell, in the words of Gyre: release() and taskDone() once too often are a
 * ValueError in asyncio, and a RuntimeError here, as any use that cannot work.
 */
export function inGyre(recorded: string): string {
  return recorded.replaceAll(': ValueError', ': RuntimeError')
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  // In Python, acquire() gives True.
  return value instanceof Guard ? 'true' : String(value)
}

const WITHOUT_SIZE: Readonly<Record<string, new () => object>> = { Lock, Event, Condition }

const OF_SIZE: Readonly<Record<string, new (size: number) => object>> = {
  Semaphore,
  BoundedSemaphore,
  Barrier,
  Queue,
  PriorityQueue,
  LifoQueue,
}

class Cell {
  readonly lines: string[] = []
  private readonly subject: object
  private readonly tasks = new Map<string, Task<void>>()

  constructor(
    private readonly machine: Machine,
    private readonly manner: Manner,
  ) {
    const { kind, argument } = machine
    this.subject = argument === undefined ? new WITHOUT_SIZE[kind]!() : new OF_SIZE[kind]!(argument)
  }

  *run(commands: readonly Command[]): Coroutine<void> {
    for (const command of commands) {
      if ('spawn' in command) this.spawn(command.spawn, command.acts)
      else if ('call' in command) this.call(command.call)
      else if ('cancel' in command) this.tasks.get(command.cancel)?.cancel()
      else if (this.manner.pace === 'settled') yield* sleep(1)
      else for (let i = 0; i < command.turns; i++) yield* sleep(0)
    }
  }

  *end(): Coroutine<string[]> {
    for (const name of this.machine.observed) this.call([name])
    const lines = [...this.lines, `waiting: ${this.waiting().join(' ')}`]
    while (this.waiting().length > 0) yield* this.letGo()
    return lines
  }

  private waiting(): string[] {
    return [...this.tasks].filter(([, task]) => !task.done()).map(([name]) => name)
  }

  /** Who was cancelled in a condition waits for its lock, which may be held for good. */
  private *letGo(): Coroutine<void> {
    for (const name of this.waiting()) this.tasks.get(name)?.cancel()
    const { subject } = this
    if (subject instanceof Condition && subject.locked()) subject.release()
    yield* this.run([{ turns: 3 }])
  }

  private spawn(name: string, acts: readonly Act[]): void {
    const start =
      this.manner.tasks === 'generators'
        ? () => this.actInGenerator(name, acts)
        : () => this.actInAsyncFunction(name, acts)
    this.tasks.set(name, createTask(start))
  }

  /** An operation, or what the method gives at once. */
  private begin([method, ...args]: Act): unknown {
    if (method === 'with') return this.within()
    const [name, given] =
      method === 'shutdownNow'
        ? ['shutdown', [{ immediate: true }]]
        : method === 'waitFor'
          ? [method, [() => args[0] === 'always']]
          : [method, args]
    const member = (this.subject as Record<string, unknown>)[name]
    return typeof member === 'function' ? (member as Member).apply(this.subject, given) : member
  }

  private within(): unknown {
    const { subject } = this
    // A barrier is waited for where Python enters it.
    return subject instanceof Barrier ? subject.wait() : (subject as Lock).with(function* () {})
  }

  private call(act: Act): void {
    try {
      this.lines.push(`${act[0]}: ${shown(this.begin(act))}`)
    } catch (error) {
      this.lines.push(`${act[0]}: ${(error as Error).name}`)
    }
  }

  private *actInGenerator(who: string, acts: readonly Act[]): Coroutine<void> {
    for (const act of acts) {
      try {
        const begun = this.begin(act)
        this.tell(who, act, begun instanceof Operation ? yield* begun : begun)
      } catch (error) {
        this.lines.push(`${who} ${act[0]}: ${(error as Error).name}`)
        return
      }
    }
  }

  private async actInAsyncFunction(who: string, acts: readonly Act[]): Promise<void> {
    for (const act of acts) {
      try {
        this.tell(who, act, await this.begin(act))
      } catch (error) {
        this.lines.push(`${who} ${act[0]}: ${(error as Error).name}`)
        return
      }
    }
  }

  private tell(who: string, [method]: Act, result: unknown): void {
    this.lines.push(`${who} ${method}: ${method === 'with' ? 'nothing' : shown(result)}`)
  }
}

/** What happened in one cell, as it is recorded. */
export function* runCell(
  machine: Machine,
  state: readonly Command[],
  operation: readonly Command[],
  manner: Manner,
): Coroutine<string> {
  const cell = new Cell(machine, manner)
  yield* cell.run(state)
  cell.lines.push('--')
  yield* cell.run(operation)
  yield* cell.run([{ turns: SETTLING_TURNS }])
  return (yield* cell.end()).join('; ')
}

// What the workers of the tests run, as exports of a module.

import { currentJob, TimeoutError, transfer } from 'gyre'

export default function double(x: number): number {
  return 2 * x
}

export function whoami(): { pid: number; isJob: boolean } {
  return { pid: process.pid, isJob: currentJob().cancelled === false }
}

let leftBehind: Promise<boolean> | null = null

/** Ends before what it began does. */
export function leaveBehind(): void {
  const job = currentJob()
  leftBehind = new Promise((resolve) => setTimeout(() => resolve(currentJob() === job), 20))
}

/** Whether what `leaveBehind` began found its own job. */
export async function findLeftBehind(): Promise<boolean> {
  return (await leftBehind) ?? false
}

/** Ends, with 'heard', when it is told to, however deep the code that asks. */
export async function untilCancelled(shared?: Int32Array): Promise<string> {
  await deepInside(shared)
  return 'heard'
}

async function deepInside(shared?: Int32Array): Promise<void> {
  const { signal } = currentJob()
  const heard = new Promise((resolve) => signal.addEventListener('abort', resolve))
  if (shared !== undefined) Atomics.store(shared, 0, 1)
  await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 30_000))])
  if (shared !== undefined) Atomics.store(shared, 1, signal.aborted ? 1 : 2)
}

export class CustomError extends RangeError {
  readonly code = 'E_CUSTOM'
  readonly details = { left: 3 }
}

export function failWith(kind: string): never {
  switch (kind) {
    case 'custom':
      throw new CustomError('out of it', { cause: new TypeError('deep down') })
    case 'gyre':
      throw new TimeoutError('too slow')
    case 'group':
      throw new AggregateError([new RangeError('one'), 'two'], 'both')
    case 'dom':
      throw new DOMException('no such thing', 'NotFoundError')
    case 'system':
      throw Object.assign(new Error('ENOENT: gone'), { code: 'ENOENT', errno: -2, syscall: 'open' })
    case 'unsendable':
      throw Object.assign(new Error('has a function'), { callback: () => 1, count: 2 })
    default:
      throw kind
  }
}

export function filled(length: number): Uint8Array {
  return transfer(new Uint8Array(length).fill(7))
}

export const notAFunction = 42

declare const started: { count?: number; tag?: string }

/** For initializers: what is set in the worker. */
export function setUp(tag: string): void {
  const place = globalThis as unknown as { started: typeof started }
  place.started = { count: (place.started?.count ?? 0) + 1, tag }
}

export function tagOfWorker(): string {
  const { started } = globalThis as unknown as { started: { count: number; tag: string } }
  return `${started.tag} ${started.count}`
}

export function refuseToStart(): void {
  throw new RangeError('no licence')
}

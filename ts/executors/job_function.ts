// What a job runs: a function that stands alone, sent as its source, or the export of a module. What
// cannot be sent is found out here, at the call, and not by a ReferenceError in a worker.

import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { brief, invalidType } from '../errors/arguments'
import { JobModuleError, NotSendableError } from '../errors/executor_errors'
import { type Needs, needsOf } from './free_names'
import type { Job } from './job'

/** An export of a module, for a worker to call. */
export interface ModuleFunction {
  /**
   * A URL (`new URL('./work.js', import.meta.url)`), an absolute path, or a path that begins with `./`
   * or `../`, from the working directory. Where the workers can load TypeScript, it may be TypeScript.
   */
  module: URL | string
  /** The name of the export; by default `default`. */
  name?: string | undefined
}

/** A function that stands alone: it uses its arguments, its own variables and globals. */
export type StandaloneFunction<A extends readonly unknown[], R> = (this: Job, ...args: A) => R

/** What the executors run. */
export type JobFunction<A extends readonly unknown[], R> = StandaloneFunction<A, R> | ModuleFunction

/** What goes to the worker. */
export type JobSpec =
  | { readonly source: string; readonly name: string }
  | { readonly module: string; readonly name: string }

const specs = new WeakMap<object, JobSpec>()
const found = new Set<string>()

/** Checks `fn` and says how it is sent. Throws TypeError, NotSendableError or JobModuleError. */
export function specOf(fn: unknown): JobSpec {
  if (typeof fn === 'function') {
    let spec = specs.get(fn)
    if (spec === undefined) {
      spec = specOfFunction(fn)
      specs.set(fn, spec)
    }
    return spec
  }
  if (typeof fn === 'object' && fn !== null && 'module' in fn) return specOfModule(fn as never)
  throw invalidType('fn', 'a function, or { module, name } of one', fn)
}

function specOfFunction(fn: object): JobSpec {
  const { name } = fn as { name: string }
  const refuse = (why: string, options?: ErrorOptions): never => {
    const what = `${brief(fn)} cannot be sent to a worker: ${why}`
    throw new NotSendableError(what, options)
  }
  const source = Function.prototype.toString.call(fn)
  if (/\{\s*\[native code\]\s*\}$/.test(source)) {
    refuse('it has no source, being native or bound. Wrap it in a function that stands alone')
  }
  if (/^class\b/.test(source)) refuse('it is a class')
  const kind = Object.prototype.toString.call(fn)
  if (kind === '[object GeneratorFunction]' || kind === '[object AsyncGeneratorFunction]') {
    refuse('it is a generator function. Send a function that calls `run` of a module instead')
  }
  let needs: Needs
  try {
    needs = needsOf(source)
  } catch (cause) {
    // The parser may not have been there: that is no fault of the function.
    if (!(cause instanceof SyntaxError)) throw cause
    return refuse('its source does not stand alone, as that of a method does not', { cause })
  }
  const { names, bonds } = needs
  if (names.length > 0) {
    refuse(
      `it needs ${names.join(', ')} from where it was written. ` +
        'Pass what it needs as arguments, or send { module, name }',
    )
  }
  if (bonds.length > 0) refuse(`it depends on where it was written, by ${bonds.join(', by ')}`)
  return { source, name: name || 'anonymous' }
}

function specOfModule({ module, name = 'default' }: ModuleFunction): JobSpec {
  if (typeof name !== 'string') throw invalidType('fn.name', 'a string', name)
  if (!(module instanceof URL) && typeof module !== 'string') {
    throw invalidType('fn.module', 'a URL or a path', module)
  }
  const url = module instanceof URL ? module.href : urlOf(module)
  if (url.startsWith('file:') && !found.has(url)) {
    const path = fileURLToPath(url)
    if (!existsSync(path)) throw new JobModuleError(`there is no module at ${path}`)
    found.add(url)
  }
  return { module: url, name }
}

function urlOf(specifier: string): string {
  if (isAbsolute(specifier) || /^\.\.?[\\/]/.test(specifier)) {
    return pathToFileURL(resolve(specifier)).href
  }
  if (/^(file|data|node):/.test(specifier)) return specifier
  const hint = isBuiltin(specifier)
    ? `Write 'node:${specifier}'`
    : `Whose dependency '${specifier}' is, only your module knows: give import.meta.resolve('${specifier}')`
  throw new JobModuleError(`'${specifier}' is neither a URL nor a path. ${hint}`)
}

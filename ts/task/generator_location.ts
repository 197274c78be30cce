// Where a suspended generator stands. JavaScript does not tell, but V8's debugger interface does;
// it is asked only when a task is printed, over an in-process inspector session, so tasks pay
// nothing for it.

import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import { functionName } from '../errors/printing'
import { shortPath } from '../loop/origins'

export interface Whereabouts {
  /** The function's name; '<anonymous>' if it has none. */
  name: string
  /** 'crawl.ts:12', relative to the working directory where it is inside; null if not known. */
  place: string | null
}

interface Location {
  scriptId: string
  lineNumber: number
  columnNumber: number
}

interface PropertyDescriptor {
  name: string
  value?: { description?: string; objectId?: string; value?: unknown }
}

/** What the inspector is asked; narrowed to the three methods in use. */
interface Session {
  connect(): void
  on(event: 'Debugger.scriptParsed', listener: (message: ScriptParsed) => void): void
  post(
    method: string,
    parameters?: object,
    callback?: (error: unknown, result: never) => void,
  ): void
}

interface ScriptParsed {
  params: { scriptId: string; url: string }
}

/** Through this name the inspector, which evaluates source text, gets hold of an object. */
const HANDOVER = Symbol.for('gyre.inspected')

class ScriptLookup {
  private readonly urls = new Map<string, string>()

  private constructor(private readonly session: Session) {
    session.on('Debugger.scriptParsed', ({ params }) => this.urls.set(params.scriptId, params.url))
  }

  /** null where Node was built without the inspector. */
  static open(): ScriptLookup | null {
    try {
      const inspector = require('node:inspector') as { Session: new () => Session }
      const session = new inspector.Session()
      session.connect()
      return new ScriptLookup(session)
    } catch {
      // A Node without inspector prints tasks without their place.
      return null
    }
  }

  internals(object: object): PropertyDescriptor[] {
    const holder = globalThis as { [HANDOVER]?: object }
    holder[HANDOVER] = object
    try {
      const expression = `globalThis[Symbol.for('gyre.inspected')]`
      const evaluated = this.ask<{ result: { objectId?: string } }>('Runtime.evaluate', {
        expression,
      })
      const objectId = evaluated?.result.objectId
      if (objectId === undefined) return []
      const answer = this.ask<{ internalProperties?: PropertyDescriptor[] }>(
        'Runtime.getProperties',
        { objectId, ownProperties: true },
      )
      this.ask('Runtime.releaseObject', { objectId })
      return answer?.internalProperties ?? []
    } finally {
      delete holder[HANDOVER]
    }
  }

  url(scriptId: string): string | null {
    if (!this.urls.has(scriptId)) {
      // The debugger names every script when it is switched on; leaving it on would slow the
      // program.
      this.ask('Debugger.enable')
      this.ask('Debugger.disable')
    }
    return this.urls.get(scriptId) ?? null
  }

  /** Sessions of the same thread answer before `post` returns. */
  private ask<R>(method: string, parameters: object = {}): R | null {
    let answer: R | null = null
    this.session.post(method, parameters, (error, result) => {
      if (error === null || error === undefined) answer = result as R
    })
    return answer
  }
}

let lookup: ScriptLookup | null | undefined

/** Name and place of a generator object, or the name of a function. */
export function whereIs(running: unknown): Whereabouts {
  if (typeof running === 'function') {
    return { name: functionName(running), place: null }
  }
  if (typeof running !== 'object' || running === null) return { name: '<unknown>', place: null }
  if (lookup === undefined) lookup = ScriptLookup.open()
  const internals = lookup?.internals(running) ?? []
  const source = internals.find(({ name }) => name === '[[GeneratorFunction]]')?.value?.description
  const location = internals.find(({ name }) => name === '[[GeneratorLocation]]')?.value?.value
  const named = source === undefined ? null : /^[^(]*?\*\s*([\w$]+)\s*\(/.exec(source)
  const kind = (running as { constructor?: { name?: string } }).constructor?.name
  const name = named?.[1] ?? (source === undefined && kind ? kind : '<anonymous>')
  return { name, place: location === undefined ? null : placeOf(location as Location) }
}

function placeOf(location: Location): string | null {
  const url = lookup?.url(location.scriptId) ?? null
  if (url === null || url === '') return null
  const file = url.startsWith('file:') ? fileURLToPath(url) : url
  const origin = findSourceMap(file)?.findEntry(location.lineNumber, location.columnNumber)
  if (origin !== undefined && 'originalSource' in origin && origin.originalSource) {
    return `${shortPath(origin.originalSource)}:${origin.originalLine + 1}`
  }
  return `${shortPath(file)}:${location.lineNumber + 1}`
}

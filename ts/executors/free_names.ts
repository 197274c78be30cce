// Whether a function stands alone: which names it takes from around itself, found out by parsing it.
// acorn reads the source, eslint-scope resolves the names; both are loaded at the first question.

import type { AnyNode, Node } from 'acorn'

/** What a function needs that does not travel with it. */
export interface Needs {
  /** Names that are neither its own nor of every realm, each once. */
  readonly names: readonly string[]
  /** Other things that are bound to the place where it was written, in words. */
  readonly bonds: readonly string[]
}

/**
 * What a worker offers besides the globals of the language and of Node: see compile.ts. `__name` is
 * what esbuild wraps around nested functions.
 */
export const OFFERED_NAMES = ['require', 'currentJob', '__name'] as const

/** Node's globals that are no properties of every realm; what a program adds to its own is not there. */
const NODE_GLOBALS =
  `AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy
  CloseEvent CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException
  DecompressionStream Event EventTarget FormData Headers MessageChannel MessageEvent MessagePort Performance
  PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver PerformanceObserverEntryList
  PerformanceResourceTiming ReadableByteStreamController ReadableStream ReadableStreamBYOBReader
  ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request Response
  SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream
  TransformStreamDefaultController URL URLSearchParams WebAssembly WebSocket WritableStream
  WritableStreamDefaultController WritableStreamDefaultWriter atob btoa clearImmediate clearInterval
  clearTimeout console crypto fetch global gc navigator performance process queueMicrotask setImmediate
  setInterval setTimeout structuredClone`.split(/\s+/)

let available: Set<string> | null = null

/** The names that are there in every worker. */
function availableNames(): Set<string> {
  if (available === null) {
    const { runInNewContext } = require('node:vm') as typeof import('node:vm')
    const ofLanguage = runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]
    available = new Set([...ofLanguage, ...NODE_GLOBALS, ...OFFERED_NAMES, 'undefined'])
  }
  return available
}

/** Throws SyntaxError if `source` is not an expression, as the source of a method is not. */
export function needsOf(source: string): Needs {
  const acorn = require('acorn') as typeof import('acorn')
  const scopes = require('eslint-scope') as typeof import('eslint-scope')
  const program = acorn.parse(`(${source}\n)`, { ecmaVersion: 'latest', ranges: true })
  const manager = scopes.analyze(program as never, { ecmaVersion: 2024, sourceType: 'script' })
  const bonds = new Set<string>()
  const asked = new Set<unknown>()
  inspectNode(program as AnyNode, { isOutermost: true, isArrow: false }, bonds, asked)
  const known = availableNames()
  const names = new Set<string>()
  for (const { identifier } of manager.globalScope?.through ?? []) {
    const name = (identifier as { name: string }).name
    if (!known.has(name) && !asked.has(identifier)) names.add(name)
  }
  return { names: [...names], bonds: [...bonds] }
}

/** Where a node stands: what `this` would mean there. */
interface Place {
  /** Not inside any function yet. */
  readonly isOutermost: boolean
  /** Inside arrow functions only, so that `this` is that of the place where they were written. */
  readonly isArrow: boolean
}

/**
 * Collects bonds into `bonds`, and into `asked` the names that are only looked for (`typeof name`),
 * which is no error where there are none.
 */
function inspectNode(node: AnyNode, place: Place, bonds: Set<string>, asked: Set<unknown>): void {
  switch (node.type) {
    case 'ThisExpression':
      if (place.isArrow) bonds.add('the `this` of an arrow function')
      break
    case 'ImportExpression':
      if (isRelative(node.source)) bonds.add('import() of a relative path')
      break
    case 'CallExpression':
      if (isRequire(node.callee) && isRelative(node.arguments[0])) {
        bonds.add('require() of a relative path')
      }
      break
    case 'UnaryExpression':
      if (node.operator === 'typeof') asked.add(node.argument)
      break
  }
  for (const child of childrenOf(node)) {
    inspectNode(child, placeInside(node, place), bonds, asked)
  }
}

function placeInside(node: AnyNode, place: Place): Place {
  switch (node.type) {
    case 'ArrowFunctionExpression':
      return { isOutermost: false, isArrow: place.isOutermost || place.isArrow }
    case 'FunctionExpression':
    case 'FunctionDeclaration':
    case 'ClassBody':
      return { isOutermost: false, isArrow: false }
    default:
      return place
  }
}

function isRequire(node: AnyNode | undefined): boolean {
  return node?.type === 'Identifier' && node.name === 'require'
}

function isRelative(node: AnyNode | undefined): boolean {
  return node?.type === 'Literal' && typeof node.value === 'string' && node.value.startsWith('.')
}

function* childrenOf(node: Node): Generator<AnyNode> {
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (typeof (item as AnyNode | null)?.type === 'string') yield item as AnyNode
    }
  }
}

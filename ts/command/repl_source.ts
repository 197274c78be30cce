// What is typed into `gyre repl`, made into something to run. A line that waits, with `await` or
// `yield*` outside of any function, becomes the body of a coroutine function.
//
// Declarations in such a body would be gone with it. So those at its top become assignments, which
// in a script make names of the session; its last statement, if an expression, is what it returns.

import { type AnyNode, type Options, parse, type Statement, tokenizer } from 'acorn'

export type ReplSource =
  /** A script to run as it is. */
  | { readonly kind: 'script'; readonly code: string }
  /** A script whose value is a coroutine function. */
  | { readonly kind: 'coroutine'; readonly code: string }
  /** More has to be typed before it is anything. */
  | { readonly kind: 'incomplete'; readonly error: SyntaxError }

const NO_MODULE = "what is typed is no module: write const { … } = await import('…')"
const OPTIONS: Options = { ecmaVersion: 'latest' }

/** What is put around a line, and what in it makes that necessary. */
const COROUTINES = [
  { opening: '(function* () {', waiting: 'YieldExpression', word: /\byield\b/ },
  { opening: '(async function () {', waiting: 'AwaitExpression', word: /\bawait\b/ },
] as const

/** Throws SyntaxError for what can never become a program. */
export function readSource(code: string): ReplSource {
  let failure: Failure | null = null
  for (const { opening, waiting, word } of COROUTINES) {
    if (!word.test(code)) continue
    const whole = `${opening}${code}\n})`
    const body = attempt(() => bodyOf(whole), opening.length)
    if (body instanceof Failure) failure = body
    else if (body.some((statement) => waits(statement, waiting))) {
      return { kind: 'coroutine', code: `${opening}${rewriteAll(body, whole)}\n})` }
    }
  }
  // What looks like a block at the start of a line is meant as an object, as in Node's own.
  const asObject = `(${code}\n)`
  if (/^\s*\{/.test(code) && !(attempt(() => parse(asObject, OPTIONS)) instanceof Failure)) {
    return { kind: 'script', code: asObject }
  }
  const script = attempt(() => parse(code, OPTIONS))
  if (!(script instanceof Failure)) return { kind: 'script', code }
  failure ??= script
  if (isCutShort(code, failure)) return { kind: 'incomplete', error: failure.error }
  throw failure.error
}

/** What the parser said, and where in the line. */
class Failure {
  constructor(
    readonly error: SyntaxError,
    readonly position: number,
  ) {}
}

function attempt<T>(read: () => T, offset = 0): T | Failure {
  try {
    return read()
  } catch (error) {
    const { message, pos } = error as { message: string; pos: number }
    return new Failure(plainError(message), pos - offset)
  }
}

/** Without the place, which may be that in the function put around the line, and without a stack. */
function plainError(message: string): SyntaxError {
  const isModule = /^'import' and 'export' may/.test(message)
  const error = new SyntaxError(isModule ? NO_MODULE : message.replace(/ \(\d+:\d+\)$/, ''))
  error.stack = String(error)
  return error
}

/** Whether something is open at the end, or the end is what the parser stumbled over. */
function isCutShort(code: string, { position }: Failure): boolean {
  let depth = 0
  const tokens = attempt(() => {
    for (const { type } of tokenizer(code, OPTIONS)) {
      if (/[([{]$/.test(type.label)) depth++
      else if (/^[)\]}]$/.test(type.label)) depth--
    }
  })
  if (tokens instanceof Failure) return /Unterminated (template|comment)/.test(tokens.error.message)
  return depth > 0 || (depth === 0 && position >= code.trimEnd().length)
}

/** The statements of the one function that `whole` is. */
function bodyOf(whole: string): Statement[] {
  const [statement, ...others] = parse(whole, OPTIONS).body
  const expression = statement?.type === 'ExpressionStatement' ? statement.expression : null
  if (expression?.type !== 'FunctionExpression' || others.length > 0) {
    throw Object.assign(new SyntaxError('Unexpected }'), { pos: 0 })
  }
  return expression.body.body
}

/** Whether it waits by itself, and not only in a function inside it. */
function waits(node: AnyNode, awaiting: AnyNode['type']): boolean {
  if (node.type === awaiting) return true
  if (node.type === 'ForOfStatement' && node.await && awaiting === 'AwaitExpression') return true
  if (/Function/.test(node.type)) return false
  return Object.values(node).some((child) =>
    Array.isArray(child)
      ? child.some((item) => isNode(item) && waits(item, awaiting))
      : isNode(child) && waits(child, awaiting),
  )
}

function isNode(value: unknown): value is AnyNode {
  return typeof (value as { type?: unknown } | null)?.type === 'string'
}

function rewriteAll(body: readonly Statement[], whole: string): string {
  const last = body.length - 1
  return body.map((statement, index) => rewrite(statement, whole, index === last)).join('\n')
}

function rewrite(statement: Statement, whole: string, isLast: boolean): string {
  const text = (node: { start: number; end: number }) => whole.slice(node.start, node.end)
  switch (statement.type) {
    case 'VariableDeclaration': {
      const assignments = statement.declarations.map(({ id, init }) =>
        init ? `${text(id)} = ${text(init)}` : `${text(id)} = undefined`,
      )
      return `void (${assignments.join(', ')});`
    }
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return `${statement.id.name} = ${text(statement)};`
    case 'ExpressionStatement':
      return isLast ? `return (${text(statement.expression)});` : text(statement)
    default:
      return text(statement)
  }
}

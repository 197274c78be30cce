// Makes a program that shows a difference smaller, as long as it shows one: without a statement, with a
// block in place of the statement around it, without an item, and so on, until nothing can go.

import type { Block, Program, Statement } from './program.js'

export type Shows = (program: Program) => Promise<boolean>

export async function shrink(program: Program, shows: Shows): Promise<Program> {
  let smallest = program
  for (;;) {
    const smaller = await firstThatShows(smallest, shows)
    if (smaller === null) return smallest
    smallest = smaller
  }
}

async function firstThatShows(program: Program, shows: Shows): Promise<Program | null> {
  for (const candidate of candidates(program)) {
    if (await shows(candidate)) return candidate
  }
  return null
}

/** Programs that are one step smaller, the boldest first. */
function* candidates(program: Program): Generator<Program> {
  for (const [index, body] of program.coroutines.entries()) {
    if (body.length > 0) yield withCoroutine(program, index, [])
  }
  for (const [index, body] of program.callbacks.entries()) {
    for (const smaller of smallerBlocks(body)) {
      const callbacks = program.callbacks.with(index, smaller as typeof body)
      yield { ...program, callbacks }
    }
  }
  for (const [index, body] of program.coroutines.entries()) {
    for (const smaller of smallerBlocks(body)) yield withCoroutine(program, index, smaller)
  }
}

function withCoroutine(program: Program, index: number, body: Block): Program {
  return { ...program, coroutines: program.coroutines.with(index, body) }
}

function* smallerBlocks(block: Block): Generator<Block> {
  for (let index = block.length - 1; index >= 0; index--) yield block.toSpliced(index, 1)
  for (let index = block.length - 1; index >= 0; index--) {
    const statement = block[index] as Statement
    for (const replacement of smallerStatements(statement)) {
      yield block.toSpliced(index, 1, ...replacement)
    }
  }
}

/** What may stand in place of the statement. */
function* smallerStatements(statement: Statement): Generator<Block> {
  if ('body' in statement) {
    yield statement.body
    for (const body of smallerBlocks(statement.body)) yield [{ ...statement, body }]
  }
  if (statement.op === 'try') {
    const { handler, cleanup, reraise } = statement
    if (reraise) yield [{ ...statement, reraise: false }]
    for (const smaller of smallerBlocks(handler)) yield [{ ...statement, handler: smaller }]
    if (cleanup !== null) {
      yield [{ ...statement, cleanup: null }]
      for (const smaller of smallerBlocks(cleanup)) yield [{ ...statement, cleanup: smaller }]
    }
  }
  if ('items' in statement && !statement.items.some((item) => 'again' in item)) {
    for (const index of statement.items.keys()) {
      yield [{ ...statement, items: statement.items.toSpliced(index, 1) }]
    }
  }
  if (statement.op === 'repeat' && statement.times > 1) {
    yield [{ ...statement, times: statement.times - 1 }]
  }
  if ('eager' in statement && statement.eager) yield [{ ...statement, eager: false }]
  if (statement.op === 'sleep' && statement.ms > 0) yield [{ ...statement, ms: statement.ms - 1 }]
}

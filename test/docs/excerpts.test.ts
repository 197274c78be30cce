// A block of the documents that opens with ```ts examples/x.ts is taken from that program: its lines
// stand there, in that order, and a ```text block after it is what the program prints (which the tests
// of the examples hold). A line `// …`, or `…` in the output, stands for lines that are left out.

import assert from 'node:assert/strict'
import { basename } from 'node:path'
import test from 'node:test'
import { expected } from '../examples/expected.js'
import { readSource, sourceFiles } from '../packaging/repository.js'
import { documents } from './snippets.js'

const BLOCK = /^```ts (examples\/\S+)\n([\s\S]*?)^```\n(?:\n*```text\n([\s\S]*?)^```$)?/gm

const programs = sourceFiles('examples', ['.ts'])
const excerpts = documents.flatMap((path) => {
  const text = readSource(path)
  return Array.from(
    text.matchAll(BLOCK),
    ({ 1: program = '', 2: source = '', 3: output, index }) => {
      const line = text.slice(0, index).split('\n').length
      return { place: `${path}:${line}`, program, source, output }
    },
  )
})

/** What a text matches in which the lines of `excerpt` stand, with anything for an `omission`. */
function patternOf(excerpt: string, omission: string): string {
  return excerpt
    .trimEnd()
    .split('\n')
    .map((line) => {
      if (line === omission) return '(?:.*\\n)*'
      return `${line.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}\\n`
    })
    .join('')
}

function isIn(excerpt: string, source: string): boolean {
  return new RegExp(`^${patternOf(excerpt, '// …')}`, 'm').test(source)
}

function isAllOf(excerpt: string, output: readonly string[]): boolean {
  return new RegExp(`^${patternOf(excerpt, '…')}$`).test(`${output.join('\n')}\n`)
}

test('an excerpt that is not there, or is out of order, is found out', () => {
  const source = 'one()\ntwo()\nthree()\n'
  assert.ok(isIn('two()\nthree()', source))
  assert.ok(isIn('one()\n// …\nthree()', source))
  for (const wrong of ['four()', 'three()\none()', 'one()\nthree()', 'wo()', 'tw']) {
    assert.ok(!isIn(wrong, source), wrong)
  }
})

test('an output that is not all, and does not say so, is found out', () => {
  const output = ['one.', 'two', 'three']
  assert.ok(isAllOf('one.\ntwo\nthree\n', output))
  assert.ok(isAllOf('…\ntwo\n…\n', output))
  for (const wrong of ['one.\ntwo', 'two\nthree', '…\none.', 'one.\n…\ntwo', 'one!\n…']) {
    assert.ok(!isAllOf(wrong, output), wrong)
  }
})

test('the documents have excerpts of the examples', () => {
  assert.notEqual(excerpts.length, 0)
})

for (const { place, program, source, output } of excerpts) {
  test(`the excerpt at ${place} stands in ${program}, and the output is that program's`, () => {
    assert.ok(programs.includes(program), `there is no ${program}`)
    assert.ok(isIn(source, readSource(program)), source)
    if (output === undefined) return
    assert.ok(isAllOf(output, expected[basename(program, '.ts')] ?? []), output)
  })
}

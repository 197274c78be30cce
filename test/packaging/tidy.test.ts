// Holds what docs/ says of every source file: a size that a reader can hold, a name that says what
// is in it, and nothing left open.

import assert from 'node:assert/strict'
import { basename } from 'node:path'
import test from 'node:test'
import { readSource, sourceFiles } from './repository.js'

const LINES_MAX = 450
const COLUMNS_MAX = 110
const DIRECTORIES = ['ts', 'native', 'test', 'bench', 'examples', 'scripts']
const EXTENSIONS = ['.ts', '.mjs', '.cjs', '.js', '.h', '.cc', '.py']
const GRAB_BAGS = ['utils', 'util', 'common', 'helpers', 'helper', 'types', 'misc']
// In two pieces, so that this file does not find itself.
const LEFT_OPEN = new RegExp(['\\b(TO', 'DO|FIX', 'ME)\\b'].join(''))
/** Other people's programs, written to their conventions, against which Gyre is measured. */
const FOREIGN = 'bench/peers/'

const files = DIRECTORIES.flatMap((directory) => sourceFiles(directory, EXTENSIONS)).filter(
  (path) => !path.startsWith(FOREIGN),
)

test('there are source files to look at', () => {
  assert.notEqual(files.length, 0)
})

test(`no source file has more than ${LINES_MAX} lines`, () => {
  const long = files.filter((path) => readSource(path).trimEnd().split('\n').length > LINES_MAX)
  assert.deepEqual(long, [])
})

test(`no line has more than ${COLUMNS_MAX} columns`, () => {
  const wide = files.flatMap((path) =>
    readSource(path)
      .split('\n')
      .flatMap((line, index) => ([...line].length > COLUMNS_MAX ? [`${path}:${index + 1}`] : [])),
  )
  assert.deepEqual(wide, [])
})

test('no file is named for being a grab-bag', () => {
  const bags = files.filter((path) => {
    const stem = basename(path).split('.')[0] ?? ''
    return GRAB_BAGS.includes(stem)
  })
  assert.deepEqual(bags, [])
})

test('nothing is left open in a comment', () => {
  assert.deepEqual(
    files.filter((path) => LEFT_OPEN.test(readSource(path))),
    [],
  )
})

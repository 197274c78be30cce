// Which frames of a stack are Gyre's own: those of the files it was installed with, and no others.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Lock } from 'gyre'
import { isOwnFrame, isProgramFrame, ownPlaces } from '#gyre/errors/own_frames'

test('the files of the package are its own, those of a program that is bundled with it are not', () => {
  const root = join('/srv', 'node_modules', 'gyre')
  assert.deepEqual(ownPlaces(join(root, 'dist', 'bundle')), [
    join(root, 'dist', '/'),
    join(root, 'ts', '/'),
  ])
  for (const directory of [['dist'], ['dist', 'server'], ['dist', 'bundle', 'server'], ['out']]) {
    assert.deepEqual(ownPlaces(join('/srv', 'app', ...directory)), [])
  }
})

test('a frame of this test is the program, one of Gyre is its own, one of Node neither', () => {
  const { stack } = new Error('here')
  const here = `${stack}`.split('\n').find((line) => line.includes('own_frames.test')) as string
  assert.ok(isProgramFrame(here.trim()))
  let thrown: unknown
  try {
    new Lock().release()
  } catch (error) {
    thrown = error
  }
  const frames = `${(thrown as Error).stack}`.split('\n').slice(1)
  assert.ok(isOwnFrame(frames[0] as string), frames[0])
  assert.ok(!isProgramFrame(frames[0] as string))
  assert.ok(!isProgramFrame('processTicksAndRejections (node:internal/process/task_queues:95:5)'))
})

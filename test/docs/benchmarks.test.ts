// docs/benchmarks.md says what the committed results say.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchmarksPage } from '../../bench/page.js'
import { readSource } from '../packaging/repository.js'

test('docs/benchmarks.md is made of the results in bench/results', () => {
  const page = readSource('docs/benchmarks.md')
  assert.equal(page, benchmarksPage(), 'npm run bench:docs writes it anew')
})

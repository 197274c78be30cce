// What the documents show is true: every program in them compiles, runs on the backend of this run,
// ends with exit code 0 and prints what they say; every link leads somewhere.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { after } from 'node:test'
import { promisify } from 'node:util'
import { readSource, root } from '../packaging/repository.js'
import { compile, documents, snippetsOf } from './snippets.js'

const TIMEOUT_MS = 60_000
const snippets = documents.flatMap(snippetsOf)
const { paths, errors } = compile(snippets)
after(() => rmSync(dirname(paths[0]!), { recursive: true }))

test('every TypeScript block of the documents compiles', () => {
  assert.deepEqual(errors, [])
})

test('few blocks of the documents are fragments', () => {
  const fragments = snippets.filter((snippet) => !snippet.isWhole)
  assert.ok(fragments.length * 4 <= snippets.length, `${fragments.length} of ${snippets.length}`)
})

for (const [index, { place, isWhole, output }] of snippets.entries()) {
  if (!isWhole) continue
  const promise = output === null ? 'ends by itself' : 'prints what is written below it'
  test(`the program at ${place} ${promise}`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [paths[index]!], {
      cwd: root,
      timeout: TIMEOUT_MS,
    })
    if (output !== null) assert.equal(stdout.trimEnd(), output)
  })
}

for (const path of documents) {
  test(`every relative link of ${path} leads to a file`, () => {
    const targets = Array.from(readSource(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g), (m) => m[1]!)
    const broken = targets.filter((target) => {
      return !/^\w+:/.test(target) && !existsSync(join(root, dirname(path), target))
    })
    assert.deepEqual(broken, [])
  })
}

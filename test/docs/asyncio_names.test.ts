// docs/asyncio-names.md has every public name of CPython's asyncio, once (asyncio_names.json, which
// asyncio_names.py prints); what it says to be there is there, and what it says is not there is not.

import assert from 'node:assert/strict'
import test from 'node:test'
import { readSource } from '../packaging/repository.js'
import { publicSurface } from './surface.js'

const { names } = JSON.parse(readSource('test/docs/asyncio_names.json')) as { names: string[] }
const surface = publicSurface('index')

/** What a row says of one name. */
interface Entry {
  readonly name: string
  readonly state: string
  readonly note: string
}

/** Classes of asyncio whose members are found in a class of another name. */
const CLASSES: Readonly<Record<string, string>> = {
  AbstractEventLoop: 'EventLoop',
  AbstractServer: 'Server',
  BaseProtocol: 'Protocol',
  BaseTransport: 'Transport',
}

const rows = Array.from(
  readSource('docs/asyncio-names.md').matchAll(/^\| (`.*?) \| (.*?) \| (.*?) ?\|$/gm),
  ([, cell = '', state = '', note = '']) => ({ cell, state, note }),
)
const entries = rows.flatMap(({ cell, state, note }): Entry[] => {
  return Array.from(cell.matchAll(/`([^`]+)`/g), (match) => ({ name: match[1] ?? '', state, note }))
})

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Where the name would be found in Gyre: an export, or a class and its member. */
function placeOf(name: string): [exported: string, member: string | null] {
  const parts = name.replace(/^subprocess\./, '').split('.')
  const [owner = '', member] = parts
  if (member === undefined) return [camelCase(owner), null]
  return [CLASSES[owner] ?? owner, camelCase(member)]
}

function exists(exported: string, member: string | null): boolean {
  const members = surface.get(exported)
  return members !== undefined && (member === null || members.has(member))
}

/** The names of Gyre that sound like `name`, however they are spelled. */
function soundingLike(name: string): string[] {
  const [exported, member] = placeOf(name)
  const candidates = member === null ? surface.keys() : (surface.get(exported) ?? [])
  const sound = (text: string) => text.toLowerCase()
  return [...candidates].filter((one) => sound(one) === sound(member ?? exported))
}

test('the table has every public name of asyncio, once', () => {
  assert.deepEqual(entries.map(({ name }) => name).sort(), [...names].sort())
})

test('every name is the same, different or not there', () => {
  const states = new Set(entries.map(({ state }) => state))
  assert.deepEqual([...states].sort(), ['different', 'not there', 'same'])
})

for (const { name, state, note } of entries) {
  if (state === 'not there') {
    test(`asyncio's ${name} is not there, as the table says, and why`, () => {
      assert.deepEqual(soundingLike(name), [])
      assert.notEqual(note, '')
    })
    continue
  }
  test(`asyncio's ${name} is there, as the table says`, () => {
    const [exported, member] = placeOf(name)
    const renamed = state === 'different' ? /^`([\w.]+)`/.exec(note)?.[1]?.split('.') : undefined
    const [owner = exported, ownMember = null] = renamed ?? []
    const isThere = exists(exported, member)
    assert.ok(isThere || exists(owner, ownMember), `neither ${exported}.${member} nor ${owner}`)
    if (state === 'different') assert.notEqual(note, '')
  })
}

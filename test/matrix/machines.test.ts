// Locks and queues: every operation in every state. Generators do what CPython's asyncio does, in the
// same order; async functions end as generators do.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runVirtual } from 'gyre/testing'
import { inGyre, type Manner, runCell } from './machine_run.js'
import { type Machine, machines } from './machines.js'

/** By machine, state and operation: what happened. */
type Record3<T> = Record<string, Record<string, Record<string, T>>>

const path = new URL('../../../test/matrix/asyncio/machines.json', import.meta.url)
const record = JSON.parse(readFileSync(path, 'utf8')) as Record3<string>

async function cellsOf(machine: Machine, state: string, manner: Manner) {
  const cells: Record<string, string> = {}
  await runVirtual(function* () {
    for (const [operation, commands] of Object.entries(machine.operations)) {
      cells[operation] = yield* runCell(machine, machine.states[state] ?? [], commands, manner)
    }
  })
  return cells
}

/** What each of them saw, without the order among them. */
function apart(cells: Record<string, string>): Record<string, string> {
  const sorted = Object.entries(cells).map(([operation, lines]) => {
    return [operation, lines.split('; ').sort().join('; ')]
  })
  return Object.fromEntries(sorted)
}

function expected(name: string, state: string): Record<string, string> {
  const cells = Object.entries(record[name]?.[state] ?? {})
  return Object.fromEntries(cells.map(([operation, lines]) => [operation, inGyre(lines)]))
}

test('every cell is recorded, and no other', () => {
  const shape = Object.entries(machines).map(([name, { states, operations }]) => {
    return [name, Object.keys(states), Object.keys(operations)]
  })
  const recorded = Object.entries(record).map(([name, states]) => {
    return [name, Object.keys(states), Object.keys(Object.values(states)[0] ?? {})]
  })
  assert.deepEqual(recorded, shape)
})

for (const [name, machine] of Object.entries(machines)) {
  for (const state of Object.keys(machine.states)) {
    test(`${name}, ${state}: generators see what asyncio's coroutines see, in its order`, async () => {
      const cells = await cellsOf(machine, state, { tasks: 'generators', pace: 'turns' })
      assert.deepEqual(cells, expected(name, state))
    })
    test(`${name}, ${state}: each async function sees what a generator would`, async () => {
      const cells = await cellsOf(machine, state, { tasks: 'async functions', pace: 'settled' })
      const wanted = await cellsOf(machine, state, { tasks: 'generators', pace: 'settled' })
      assert.deepEqual(apart(cells), apart(wanted))
    })
  }
}

// Every operation of a TaskGroup and of a Timeout in every state they can be in.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getRunningLoop, sleep, type TaskGroup, type Timeout, taskGroup, timeout } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'
import { outcomeOf } from './matrix.js'

type GroupOperation = (group: TaskGroup) => unknown

/** Brings a group into a state, applies the operation there, and lets the group end. */
const GROUP_STATES: Record<string, (act: GroupOperation) => Promise<string>> = {
  open: async (act) => {
    let outcome = ''
    await taskGroup(async (group) => {
      outcome = outcomeOf(() => act(group))
    })
    return outcome
  },
  'ending, with a child left': async (act) => {
    let outcome = ''
    await taskGroup(async (group) => {
      group.createTask(async () => {
        await sleep(2)
        outcome = outcomeOf(() => act(group))
      })
    })
    return outcome
  },
  aborting: async (act) => {
    let outcome = ''
    await rejectionOf(
      taskGroup(async (group) => {
        group.createTask(async () => {
          try {
            await sleep(1000)
          } finally {
            outcome = outcomeOf(() => act(group))
          }
        })
        await sleep(1)
        throw new Error('the body')
      }),
    )
    return outcome
  },
  'cancelled by itself': async (act) => {
    let outcome = ''
    await taskGroup(async (group) => {
      group.cancel()
      outcome = outcomeOf(() => act(group))
    })
    return outcome
  },
  finished: async (act) => {
    const groups: TaskGroup[] = []
    await taskGroup(async (group) => {
      groups.push(group)
    })
    return outcomeOf(() => act(groups[0] as TaskGroup))
  },
}

const GROUP_TABLE: Record<string, { createTask: string; cancel: string }> = {
  open: { createTask: 'false', cancel: 'undefined' },
  'ending, with a child left': { createTask: 'false', cancel: 'undefined' },
  aborting: { createTask: 'ERR_GROUP_ENDED', cancel: 'undefined' },
  'cancelled by itself': { createTask: 'ERR_GROUP_ENDED', cancel: 'undefined' },
  finished: { createTask: 'ERR_GROUP_ENDED', cancel: 'undefined' },
}

for (const [state, bring] of Object.entries(GROUP_STATES)) {
  test(`each operation of a task group that is ${state} does what the table says`, async () => {
    await runVirtual(async () => {
      const createTask = await bring((group) => group.createTask(() => sleep(1)).done())
      const cancel = await bring((group) => group.cancel('enough'))
      assert.deepEqual({ createTask, cancel }, GROUP_TABLE[state])
    })
  })
}

type TimeoutOperation = (deadline: Timeout) => unknown

const TIMEOUT_STATES: Record<string, (act: TimeoutOperation) => Promise<string>> = {
  active: async (act) =>
    await timeout(10, async (deadline) => {
      const outcome = outcomeOf(() => act(deadline))
      deadline.reschedule(null)
      return outcome
    }),
  'without a deadline': async (act) =>
    await timeout(null, async (deadline) => {
      const outcome = outcomeOf(() => act(deadline))
      deadline.reschedule(null)
      return outcome
    }),
  expiring: async (act) => {
    let outcome = ''
    await rejectionOf(
      timeout(10, async (deadline) => {
        try {
          await sleep(1000)
        } finally {
          outcome = outcomeOf(() => act(deadline))
        }
      }),
    )
    return outcome
  },
  expired: async (act) => {
    const deadlines: Timeout[] = []
    await rejectionOf(
      timeout(10, async (deadline) => {
        deadlines.push(deadline)
        await sleep(1000)
      }),
    )
    return outcomeOf(() => act(deadlines[0] as Timeout))
  },
  finished: async (act) => {
    const deadlines: Timeout[] = []
    await timeout(10, async (deadline) => {
      deadlines.push(deadline)
    })
    return outcomeOf(() => act(deadlines[0] as Timeout))
  },
}

const OVER = 'ERR_TIMEOUT_STATE'
const TIMEOUT_TABLE: Record<string, Record<string, string>> = {
  active: { when: 'true', expired: 'false', later: 'undefined', never: 'undefined', nan: 'RANGE' },
  'without a deadline': {
    when: 'false',
    expired: 'false',
    later: 'undefined',
    never: 'undefined',
    nan: 'RANGE',
  },
  expiring: { when: 'true', expired: 'true', later: OVER, never: OVER, nan: 'RANGE' },
  expired: { when: 'true', expired: 'true', later: OVER, never: OVER, nan: 'RANGE' },
  finished: { when: 'true', expired: 'false', later: OVER, never: OVER, nan: 'RANGE' },
}

for (const [state, bring] of Object.entries(TIMEOUT_STATES)) {
  test(`each operation of a timeout that is ${state} does what the table says`, async () => {
    await runVirtual(async () => {
      const now = () => getRunningLoop().time()
      const actual = {
        when: await bring((deadline) => deadline.when() !== null),
        expired: await bring((deadline) => deadline.expired()),
        later: await bring((deadline) => deadline.reschedule(now() + 5)),
        never: await bring((deadline) => deadline.reschedule(null)),
        nan: (await bring((deadline) => deadline.reschedule(NaN))).replace(
          'ERR_OUT_OF_RANGE',
          'RANGE',
        ),
      }
      assert.deepEqual(actual, TIMEOUT_TABLE[state])
    })
  })
}

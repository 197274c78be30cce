// Which locks and queues a random program has, and what it does to them.

import type { Resource, ResourceKind, SyncCall, WaitingCall } from './program.js'
import type { Random } from './random.js'

type Weighted<Call> = ReadonlyArray<readonly [Call, number]>

const queueCalls: Weighted<SyncCall> = [
  ['putNowait', 8],
  ['getNowait', 5],
  ['taskDone', 6],
  ['shutdown', 1],
  ['shutdownNow', 1],
  ['state', 3],
]

const syncCalls: Readonly<Record<ResourceKind, Weighted<SyncCall>>> = {
  lock: [
    ['release', 6],
    ['state', 3],
  ],
  event: [
    ['set', 6],
    ['clear', 4],
    ['state', 2],
  ],
  condition: [
    ['notify', 6],
    ['notifyAll', 3],
    ['release', 2],
    ['state', 2],
  ],
  semaphore: [
    ['release', 6],
    ['state', 3],
  ],
  boundedSemaphore: [
    ['release', 6],
    ['state', 3],
  ],
  barrier: [['state', 1]],
  queue: queueCalls,
  priorityQueue: queueCalls,
  lifoQueue: queueCalls,
}

const queueWaits: Weighted<WaitingCall> = [
  ['put', 8],
  ['get', 9],
  ['join', 2],
]

const waitingCalls: Readonly<Record<ResourceKind, Weighted<WaitingCall>>> = {
  lock: [['acquire', 1]],
  event: [['wait', 1]],
  condition: [
    ['acquire', 3],
    ['wait', 6],
    ['waitFor', 3],
  ],
  semaphore: [['acquire', 1]],
  boundedSemaphore: [['acquire', 1]],
  barrier: [
    ['wait', 8],
    ['reset', 2],
    ['abort', 1],
  ],
  queue: queueWaits,
  priorityQueue: queueWaits,
  lifoQueue: queueWaits,
}

export function pickResource(
  random: Random,
  kinds: readonly ResourceKind[],
  index: number,
): Resource {
  const kind = random.pick(kinds)
  switch (kind) {
    case 'semaphore':
    case 'boundedSemaphore':
      return { kind, size: random.between(0, 2) }
    case 'barrier':
      return { kind, size: random.between(1, 3) }
    case 'condition':
      return { kind, size: index > 0 && random.chance(25) ? random.below(index) : -1 }
    case 'lock':
    case 'event':
      return { kind, size: 0 }
    default:
      return { kind, size: random.between(0, 2) }
  }
}

export function syncCallOn(random: Random, kind: ResourceKind): SyncCall {
  return random.weighted(syncCalls[kind])
}

export function waitingCallOn(random: Random, kind: ResourceKind): WaitingCall {
  return random.weighted(waitingCalls[kind])
}

// One pipe for both outputs of a child, so that they come in the order in which they were written.
//
// node:child_process makes a pipe of its own for each output and can give a child only descriptors
// that this process has. So a pair of connected Unix sockets is made here, as libuv makes them for
// 'pipe'; their path stands in a directory that is this user's alone, and is gone once they connect.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NotSupportedError } from '../errors/errors'
import type { Future } from '../future/future'
import { wrap } from '../task/create'

export interface JoinedPipe {
  /** The end to read from. */
  readonly ours: net.Socket
  /** The end to give to the child, twice; to be destroyed here once the child has it. */
  readonly childs: net.Socket
}

/** Makes the pair. Whoever is cancelled meanwhile leaves nothing open. */
export function* makeJoinedPipe(): Generator<Future<unknown>, JoinedPipe, unknown> {
  if (process.platform === 'win32') {
    throw new NotSupportedError(
      "stderr: 'stdout' with a pipe is not supported on Windows: use two pipes, or a file for both",
    )
  }
  const making = connectPair()
  try {
    return yield* wrap(making)
  } catch (error) {
    making.then(destroyPair, () => {})
    throw error
  }
}

function destroyPair({ ours, childs }: JoinedPipe): void {
  ours.destroy()
  childs.destroy()
}

async function connectPair(): Promise<JoinedPipe> {
  const directory = await mkdtemp(join(tmpdir(), 'gyre-'))
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  try {
    const path = join(directory, 'pipe')
    server.listen(path)
    await once(server, 'listening')
    const childs = net.connect(path)
    const accepted = once(server, 'connection') as Promise<[net.Socket]>
    try {
      const [[ours]] = await Promise.all([accepted, once(childs, 'connect')])
      return { ours, childs }
    } catch (error) {
      childs.destroy()
      throw error
    }
  } finally {
    server.close()
    await rm(directory, { recursive: true, force: true })
  }
}

// A port that nobody uses, for workers that must all be told one.

import { createServer } from 'node:net'
import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import type { Coroutine } from '../task/coroutine'

/** Lets the system choose a port, and gives it back at once. */
export function* freePort(loop: EventLoop, host: string | undefined): Coroutine<number> {
  const chosen = new Future<number>(loop)
  const server = createServer()
  server.on('error', (error) => {
    if (!chosen.done()) chosen.setException(error)
  })
  server.listen({ port: 0, host, exclusive: true }, () => {
    const { port } = server.address() as { port: number }
    server.close(() => {
      if (!chosen.done()) chosen.setResult(port)
    })
  })
  try {
    return yield* chosen
  } finally {
    server.close()
  }
}

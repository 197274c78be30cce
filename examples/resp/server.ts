// A redis-server of the example's own, as a subprocess on a free port.

import { createServer } from 'node:net'
import { createSubprocessExec, PIPE, type Process } from 'gyre'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Rejects with ENOENT where redis-server is not installed. */
export async function startRedis(): Promise<{ redis: Process; port: number }> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--daemonize', 'no']
  const redis = await createSubprocessExec('redis-server', options, { stdout: PIPE })
  for (;;) {
    const line = String(await redis.stdout!.readline())
    if (line === '') throw new Error(`redis-server ended with ${await redis.wait()}`)
    if (line.includes('Ready to accept connections')) return { redis, port }
  }
}

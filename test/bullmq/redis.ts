// A Redis of the test's own, and workers in processes of their own.

import { fileURLToPath } from 'node:url'
import type { Peer, Peers } from '../peers/peer.js'

const program = fileURLToPath(new URL('./jobs.js', import.meta.url))

/** One that keeps what it is told on disk, and so knows it after a restart, or one that does not. */
export async function startRedis(peers: Peers, port: number, isKeeping = true): Promise<Peer> {
  const appendonly = isKeeping ? 'yes' : 'no'
  const storage = ['--dir', peers.path(''), '--appendonly', appendonly, '--save', '']
  const options = ['--bind', '127.0.0.1', '--port', `${port}`, ...storage]
  return await peers.start('redis-server', options, { ready: { listensOn: port } })
}

/** A process that runs the jobs of jobs.ts; `graceMs`: how long they may go on when it is told to end. */
export async function startWorker(
  peers: Peers,
  port: number,
  { lockMs = 1_000, graceMs = 5_000 } = {},
): Promise<Peer> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = [program, `${port}`, `${lockMs}`, `${graceMs}`]
  return await peers.start(process.execPath, args, { env, ready: { prints: /ready/ } })
}

/** What Redis answers to a command, by redis-cli. */
export async function redisSays(peers: Peers, port: number, ...command: string[]): Promise<string> {
  const client = await peers.start('redis-cli', ['-p', `${port}`, ...command])
  await client.ended
  return client.stdout.toString().trim()
}

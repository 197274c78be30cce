// A server in two processes that share a port. One is killed, and another takes its place; then all are
// drained, and what is under way is finished.

import {
  createTask,
  getRunningLoop,
  openConnection,
  run,
  type ServerGroup,
  serve,
  sleep,
} from 'gyre'

async function connect(port: number) {
  const { reader, writer } = await openConnection('127.0.0.1', port)
  const ask = async (line: string) => {
    writer.write(`${line}\n`)
    return String(await reader.readline()).trim()
  }
  return { ask, [Symbol.dispose]: () => writer.close() }
}

/** Connects until both workers have answered: the kernel chooses who gets a connection. */
async function meetBoth({ port }: ServerGroup) {
  const ids = new Set<string>()
  while (ids.size < 2) {
    using connection = await connect(port)
    ids.add(await connection.ask('who'))
  }
  return [...ids].sort().join(' and ')
}

await run(async () => {
  getRunningLoop().setExceptionHandler((_loop, { message, exception }) => {
    console.log(`${message}: ${(exception as Error).message}`)
  })
  const module = new URL('./many-cores/worker.js', import.meta.url)
  const group = await serve({ module, name: 'main' }, { workers: 2, host: '127.0.0.1' })
  console.log('workers', await meetBoth(group), 'answered')

  process.kill(group.workers[0]!.pid, 'SIGKILL')
  while (group.workers.every(({ restarts }) => restarts === 0)) await sleep(10)
  console.log('workers', await meetBoth(group), 'answered')

  using connection = await connect(group.port)
  await connection.ask('hello')
  const answer = createTask(() => connection.ask('slow'))
  group.close()
  console.log('while they drained:', await answer)
  connection[Symbol.dispose]()
  await group.waitClosed()
  console.log('workers left:', group.workers.length)
})

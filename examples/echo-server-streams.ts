// An echo server by streams: one coroutine for each connection. drain() holds the writer up while the
// peer takes nothing, so a slow client costs no memory.

import {
  gather,
  openConnection,
  run,
  type StreamReader,
  type StreamWriter,
  startServer,
} from 'gyre'

function* echo(reader: StreamReader, writer: StreamWriter) {
  for (;;) {
    const line = yield* reader.readline()
    if (line.length === 0) break
    writer.write(line)
    yield* writer.drain()
  }
  writer.close()
}

/** An async function on the client's side: both styles meet on one connection. */
async function ask(port: number, question: string): Promise<string> {
  const { reader, writer } = await openConnection('127.0.0.1', port)
  writer.write(`${question}\n`)
  writer.writeEof()
  const answer = await reader.read()
  writer.close()
  await writer.waitClosed()
  return answer.toString().trimEnd()
}

await run(function* () {
  const server = yield* startServer(echo, '127.0.0.1', 0)
  const { port } = server.sockets[0]!
  const questions = ['one', 'two', 'three']
  const answers = yield* gather(questions.map((question) => () => ask(port, question)))
  console.log(answers)
  server.close()
  yield* server.waitClosed()
})

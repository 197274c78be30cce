// Files over TLS: by the loop that copies, as the kernel cannot encrypt them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { getRunningLoop, openConnection, startServer } from 'gyre'
import { failure } from '../net/failure.js'
import { testOnLoop } from '../net/on_loop.js'
import { ca, server as identity } from './certificates.js'

const file = fileURLToPath(import.meta.resolve('typescript'))

testOnLoop('a file of megabytes goes over TLS between what is written', function* () {
  const loop = getRunningLoop()
  const server = yield* startServer(
    function* (_reader, writer) {
      const refused = loop.sendfile(writer.transport, file, 0, 10, { fallback: false })
      assert.equal((yield* failure(refused)).code, 'ERR_NOT_SUPPORTED')
      writer.write('before')
      const sent = yield* loop.sendfile(writer.transport, file)
      writer.write(`after ${sent}`)
      writer.close()
    },
    { host: '127.0.0.1', tls: identity },
  )
  const tls = { ca, servername: 'localhost' }
  const { port } = server.sockets[0]!
  const { reader, writer } = yield* openConnection({ host: '127.0.0.1', port, tls })
  const received = yield* reader.read()
  const content = readFileSync(file)
  const expected = Buffer.concat([
    Buffer.from('before'),
    content,
    Buffer.from(`after ${content.length}`),
  ])
  assert.ok(content.length > 1_000_000)
  assert.ok(received.equals(expected))
  writer.close()
  server.close()
  yield* server.waitClosed()
})

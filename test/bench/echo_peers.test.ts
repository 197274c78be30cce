// The echo servers in C that the benchmarks compare with: what they are measured at they must do
// right, and they must do it for clients that misbehave.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cPeer, type Found, probedPeer } from '../../bench/peer.js'

const TEST_TIMEOUT_MS = 30_000
const LOOK_AGAIN_MS = 10
/** More than the buffers of both sockets and a server's own take. */
const STALLING_BYTES = 16 * 1024 * 1024

const peers: readonly (readonly [string, Found])[] = [
  ['echo.c', cPeer('echo.c').find()],
  ['echo_uring.c', probedPeer('echo_uring.c').find()],
]

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Sends `bytes` and the end, and checks what comes back to its end. */
async function exchange(port: number, bytes: number): Promise<void> {
  const socket = await connect(port)
  const message = randomBytes(bytes)
  socket.end(message)
  const echoed = Buffer.concat(await socket.toArray())
  assert.ok(echoed.equals(message), `${bytes} bytes came back as ${echoed.length} or others`)
}

/** Sends more than it reads answers of, until the server cannot go on, and vanishes. */
async function stallAndReset(port: number): Promise<void> {
  const socket = await connect(port)
  socket.on('error', () => {})
  socket.write(Buffer.alloc(STALLING_BYTES))
  let written = -1
  while (written !== socket.bytesWritten - socket.writableLength) {
    written = socket.bytesWritten - socket.writableLength
    await delay(LOOK_AGAIN_MS)
  }
  socket.resetAndDestroy()
  await once(socket, 'close')
}

for (const [name, found] of peers) {
  const skip = 'missing' in found ? found.missing : false
  suite(`bench/peers/${name}`, { skip, timeout: TEST_TIMEOUT_MS }, () => {
    let server: ChildProcess
    let lines: AsyncIterator<string>
    let port: number

    before(async () => {
      const [program = ''] = 'command' in found ? found.command : []
      server = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
      lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]()
      port = Number((await lines.next()).value)
    })

    after(async () => {
      server.stdin!.end()
      const [code] = await once(server, 'exit')
      assert.equal(code, 0)
    })

    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length

    test('what is sent comes back, to many clients side by side, and then the end', async () => {
      const sizes = [0, 1, 1000, 64 * 1024, 100 * 1024, 3_000_000]
      await Promise.all([...sizes, ...sizes, ...sizes].map((bytes) => exchange(port, bytes)))
    })

    test('clients that do not read and then reset leave no descriptor, and others are served', async () => {
      const before = descriptors()
      await Promise.all([1, 2, 3].map(() => stallAndReset(port)))
      await exchange(port, 1_000_000)
      while (descriptors() > before) await delay(LOOK_AGAIN_MS)
      assert.equal(descriptors(), before)
    })

    test('a line is answered with what the process has used up', async () => {
      server.stdin!.write('usage\n')
      const usage = JSON.parse((await lines.next()).value as string) as Record<string, number>
      assert.deepEqual(Object.keys(usage), ['cpuUs', 'rssBytes', 'rssPeakBytes'])
      assert.ok(Object.values(usage).every((value) => value > 0))
    })
  })
}

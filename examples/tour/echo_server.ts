// One of the echo servers that the tour compares, in a process of its own: echo_server.js
// node|gyre. Tells its port, and when it is asked, how much CPU time it has used.

import net from 'node:net'
import { type Coroutine, getRunningLoop, type Protocol, run, type Transport } from 'gyre'

class Echo implements Protocol {
  private transport!: Transport

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    this.transport.write(data)
  }
}

function* serveWithGyre(): Coroutine<void> {
  const server = yield* getRunningLoop().createServer(() => new Echo(), '127.0.0.1', 0)
  process.send!(server.sockets[0]!.port)
  yield* server.serveForever()
}

function serveWithNode(): void {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('data', (data) => socket.write(data))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as net.AddressInfo).port))
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!(user + system)
})
process.on('disconnect', () => process.exit())

if (process.argv[2] === 'node') serveWithNode()
else await run(serveWithGyre())

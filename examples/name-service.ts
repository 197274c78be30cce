// A name service over UDP, where datagrams get lost: the server drops the first question for every name
// on purpose. Who asks gives each question a number, waits for the answer with a timeout, and asks again,
// waiting twice as long. An answer that comes late still counts.

import {
  type Coroutine,
  type DatagramProtocol,
  type DatagramTransport,
  type Future,
  gather,
  getRunningLoop,
  run,
  type SocketName,
  shield,
  TimeoutError,
  timeout,
} from 'gyre'

const ADDRESSES = new Map([
  ['ada.example', '192.0.2.1'],
  ['grace.example', '192.0.2.2'],
  ['barbara.example', '2001:db8::3'],
])

class NameServer implements DatagramProtocol {
  readonly dropped = new Set<string>()
  private transport!: DatagramTransport

  connectionMade(transport: DatagramTransport) {
    this.transport = transport
  }

  datagramReceived(data: Buffer, asker: SocketName) {
    const [id, name = ''] = data.toString().split(' ')
    if (!this.dropped.has(name)) this.dropped.add(name)
    else if (name !== 'silent.example') {
      this.transport.sendto(`${id} ${ADDRESSES.get(name) ?? 'unknown'}`, asker)
    }
  }
}

class Resolver implements DatagramProtocol {
  private readonly loop = getRunningLoop()
  private readonly answers = new Map<number, Future<string>>()
  private transport!: DatagramTransport
  private lastId = 0

  connectionMade(transport: DatagramTransport) {
    this.transport = transport
  }

  datagramReceived(data: Buffer) {
    const [id, address = ''] = data.toString().split(' ')
    const answer = this.answers.get(Number(id))
    if (answer !== undefined && !answer.done()) answer.setResult(address)
  }

  *resolve(name: string, tries = 3): Coroutine<string> {
    const id = ++this.lastId
    const answer = this.loop.createFuture<string>()
    this.answers.set(id, answer)
    try {
      for (let waitMs = 100; tries > 0; tries--, waitMs *= 2) {
        this.transport.sendto(`${id} ${name}`)
        try {
          return yield* timeout(waitMs, function* () {
            return yield* shield(answer) // the timeout ends the waiting, and not what is waited for
          })
        } catch (error) {
          if (!(error instanceof TimeoutError)) throw error
        }
      }
      throw new Error('no answer')
    } finally {
      this.answers.delete(id)
    }
  }
}

await run(function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createDatagramEndpoint(() => new NameServer(), {
    localAddr: ['127.0.0.1', 0],
  })
  const client = yield* loop.createDatagramEndpoint(() => new Resolver(), {
    remoteAddr: server.transport.getExtraInfo('sockname')!,
  })
  const names = [...ADDRESSES.keys(), 'nobody.example', 'silent.example']
  const questions = names.map((name) => client.protocol.resolve(name))
  const answers = yield* gather(questions, { returnExceptions: true })
  names.forEach((name, index) => {
    const answer = answers[index]
    console.log(name, '->', answer instanceof Error ? answer.message : answer)
  })
  console.log('dropped:', server.protocol.dropped.size, 'first questions')
  client.transport.close()
  server.transport.close()
})

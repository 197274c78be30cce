// A chat room: a server by streams that passes every line on to the others, and three clients.

import {
  gather,
  openConnection,
  run,
  type StreamReader,
  type StreamWriter,
  startServer,
} from 'gyre'

const guests = new Map<string, StreamWriter>()

function tellOthers(name: string, text: string): void {
  for (const [other, writer] of guests) {
    if (other !== name) writer.write(`${text}\n`)
  }
}

/** The first line is the guest's name. */
function* host(reader: StreamReader, writer: StreamWriter) {
  const name = (yield* reader.readline()).toString().trim()
  guests.set(name, writer)
  writer.write(`welcome, ${name}\n`)
  try {
    for (;;) {
      const line = yield* reader.readline()
      if (line.length === 0) break
      tellOthers(name, `${name}: ${line.toString().trimEnd()}`)
    }
  } finally {
    guests.delete(name)
    tellOthers(name, `${name} left`)
    writer.close()
  }
}

class Guest {
  private constructor(
    readonly name: string,
    private readonly reader: StreamReader,
    private readonly writer: StreamWriter,
  ) {}

  static *arrive(name: string, port: number) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    const guest = new Guest(name, reader, writer)
    guest.say(name)
    console.log(yield* guest.hear())
    return guest
  }

  say(text: string): void {
    this.writer.write(`${text}\n`)
  }

  *hear() {
    const line = (yield* this.reader.readline()).toString().trimEnd()
    return `${this.name} hears "${line}"`
  }

  *leave() {
    this.writer.close()
    yield* this.writer.waitClosed()
  }
}

await run(function* () {
  const server = yield* startServer(host, '127.0.0.1', 0)
  const { port } = server.sockets[0]!
  const ada = yield* Guest.arrive('Ada', port)
  const bob = yield* Guest.arrive('Bob', port)
  const cy = yield* Guest.arrive('Cy', port)

  ada.say('is anybody here?')
  console.log(yield* gather(bob.hear(), cy.hear()))
  cy.say('good morning')
  console.log(yield* gather(ada.hear(), bob.hear()))
  yield* bob.leave()
  console.log(yield* gather(ada.hear(), cy.hear()))

  yield* gather(ada.leave(), cy.leave())
  server.close()
  yield* server.waitClosed()
  console.log('the room is empty:', guests.size === 0)
})

// A small client for redis, on streams: commands are pipelined, and messages of subscriptions come in
// queues. RESP, version 2: https://redis.io/docs/latest/develop/reference/protocol-spec/

import {
  type Coroutine,
  createTask,
  Future,
  openConnection,
  Queue,
  type StreamReader,
  type StreamWriter,
  type Task,
} from 'gyre'

export type Reply = string | number | Buffer | null | RespError | Reply[]

/** What redis answers to a command that it cannot do. */
export class RespError extends Error {}

function* readReply(reader: StreamReader): Coroutine<Reply> {
  const line = String(yield* reader.readuntil('\r\n')).slice(0, -2)
  const rest = line.slice(1)
  switch (line[0]) {
    case '+':
      return rest
    case '-':
      return new RespError(rest)
    case ':':
      return Number(rest)
    case '$': {
      if (rest === '-1') return null
      const bytes = yield* reader.readexactly(Number(rest) + 2)
      return bytes.subarray(0, -2)
    }
    case '*': {
      if (rest === '-1') return null
      const replies: Reply[] = []
      while (replies.length < Number(rest)) replies.push(yield* readReply(reader))
      return replies
    }
    default:
      throw new Error(`this is not RESP: ${line}`)
  }
}

export class RespClient {
  /** Commands whose replies have not come: these come in the same order. */
  private readonly waiting: Future<Reply>[] = []
  private readonly channels = new Map<string, Queue<Buffer>>()
  private readonly reading: Task<void>

  private constructor(
    private readonly reader: StreamReader,
    private readonly writer: StreamWriter,
  ) {
    this.reading = createTask(this.readReplies())
  }

  static async connect(host: string, port: number): Promise<RespClient> {
    const { reader, writer } = await openConnection({ host, port })
    return new RespClient(reader, writer)
  }

  /** Sends a command at once, whether or not the replies to those before have come. */
  send(...words: (string | number | Uint8Array)[]): Future<Reply> {
    if (this.reading.done()) throw new Error('the connection is over')
    this.writer.write(`*${words.length}\r\n`)
    for (const word of words) {
      const bytes = typeof word === 'object' ? word : Buffer.from(String(word))
      this.writer.writelines([`$${bytes.length}\r\n`, bytes, '\r\n'])
    }
    const reply = new Future<Reply>()
    this.waiting.push(reply)
    return reply
  }

  /** Waits while redis does not take what was sent. */
  async drain(): Promise<void> {
    await this.writer.drain()
  }

  /** The messages of a channel, from now on; the queue is shut down with the connection. */
  async subscribe(channel: string): Promise<Queue<Buffer>> {
    const messages = new Queue<Buffer>()
    this.channels.set(channel, messages)
    await this.send('SUBSCRIBE', channel)
    return messages
  }

  async close(): Promise<void> {
    this.writer.close()
    await this.reading
  }

  private *readReplies(): Coroutine<void> {
    let failure: unknown = new Error('the connection is over')
    try {
      for (;;) this.take(yield* readReply(this.reader))
    } catch (error) {
      if (!this.reader.atEof()) failure = error
    } finally {
      for (const reply of this.waiting.splice(0)) {
        if (!reply.done()) reply.setException(failure)
      }
      for (const messages of this.channels.values()) messages.shutdown()
      this.writer.close()
    }
  }

  private take(reply: Reply): void {
    if (Array.isArray(reply) && String(reply[0]) === 'message' && reply.length === 3) {
      const [, channel, message] = reply
      this.channels.get(String(channel))?.putNowait(message as Buffer)
      return
    }
    // One that was cancelled meanwhile has had its turn all the same.
    const waiting = this.waiting.shift()
    if (waiting === undefined || waiting.done()) return
    if (reply instanceof RespError) waiting.setException(reply)
    else waiting.setResult(reply)
  }
}

// The internet of the examples: ordinary node:http servers on this machine. They run in this process,
// beside Gyre's loop, and keep a list of the clients that went away before they had their answer.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface Page {
  /** Answers only when this other page has been answered, so that the order is not a matter of luck. */
  behind?: string
  /** How long it takes to answer; at once unless given. Milliseconds. */
  afterMs?: number
  /** By default 200; 404 is what is answered for a page that is not there. */
  status?: number
  text?: string
  /** Where a page that has moved is now. */
  location?: string
  /** Hangs up instead of answering. */
  breaks?: boolean
}

/** How many requests are being answered now, and how many were at the busiest moment. */
export interface Traffic {
  now: number
  busiest: number
}

export class Site {
  /** The pages whose clients left before they had their answer. */
  readonly dropped: string[] = []
  /** The pages that somebody has had the answer of. */
  private readonly answered = new Set<string>()
  private readonly server = http.createServer((request, response) => {
    this.serve(request, response)
  })

  constructor(
    readonly name: string,
    private readonly pages: Readonly<Record<string, Page>>,
    readonly traffic: Traffic = { now: 0, busiest: 0 },
  ) {}

  get paths(): readonly string[] {
    return Object.keys(this.pages)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return this
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { traffic } = this
    const path = request.url!
    traffic.now++
    traffic.busiest = Math.max(traffic.busiest, traffic.now)
    response.on('close', () => {
      traffic.now--
      if (!response.writableFinished) this.dropped.push(path)
    })
    response.on('finish', () => {
      this.answered.add(path)
      this.server.emit('answered')
    })
    const page = this.pages[path] ?? { status: 404 }
    while (page.behind !== undefined && !this.answered.has(page.behind)) {
      await once(this.server, 'answered')
    }
    // A page that is slow beyond the end of the program does not hold it up.
    await delay(page.afterMs ?? 0, null, { ref: false })
    if (page.breaks) {
      response.destroy()
      return
    }
    const headers = page.location === undefined ? {} : { location: page.location }
    const text = request.method === 'HEAD' ? undefined : page.text
    response.writeHead(page.status ?? 200, headers).end(text)
  }
}

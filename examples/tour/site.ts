// What the tour's clients talk to: ordinary node:http servers. They run in this process, beside
// Gyre's loop, and keep a list of the clients that went away before they had their answer.

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

interface Page {
  afterMs: number
  status?: number
  text?: string
}

export class Site {
  /** The pages whose clients left before they had their answer. */
  readonly dropped: string[] = []
  private readonly server = http.createServer((request, response) => {
    this.serve(request, response)
  })

  constructor(
    readonly name: string,
    private readonly pages: Readonly<Record<string, Page>>,
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
    response.on('close', () => {
      if (!response.writableFinished) this.dropped.push(request.url!)
    })
    const page = this.pages[request.url!]
    await delay(page?.afterMs ?? 0)
    response.writeHead(page?.status ?? 404).end(page?.text)
  }
}

export function startSite(): Promise<Site> {
  return new Site('site', {
    '/': { afterMs: 20, status: 200, text: 'welcome' },
    '/news': { afterMs: 110, status: 200, text: 'all quiet' },
    '/weather': { afterMs: 250, status: 200, text: 'sunny, 21 degrees' },
    '/archive': { afterMs: 420, status: 200, text: 'a slow page, but worth it' },
    '/lost': { afterMs: 40, status: 404 },
    '/broken': { afterMs: 90, status: 500 },
    '/endless': { afterMs: 5000, status: 200 },
  }).listen()
}

/** Services that take so many milliseconds to answer. */
export function startServices(delaysMs: Readonly<Record<string, number>>): Promise<Site[]> {
  const services = Object.entries(delaysMs).map(([city, afterMs]) =>
    new Site(city, { '/': { afterMs, status: 200, text: `${city} answered first` } }).listen(),
  )
  return Promise.all(services)
}

// Twelve sites, for the crawlers: most are quick, one is slow, one has moved, one is lost, one is
// broken, one hangs up. They run in a thread of their own, so that a crawler that blocks its thread
// does not block the sites, too.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface TwelveSites {
  /** The address of each site's page. */
  readonly urls: readonly string[]
  /** Ends them; tells how many were being asked at the busiest moment. */
  close(): Promise<{ busiest: number }>
}

export async function startTwelve(): Promise<TwelveSites> {
  const thread = new Worker(new URL('./twelve_thread.js', import.meta.url))
  const [urls] = (await once(thread, 'message')) as [string[]]
  return {
    urls,
    async close() {
      // Message and exit may come in one go, so both are waited for from the start.
      const ending = Promise.all([once(thread, 'message'), once(thread, 'exit')])
      thread.postMessage('close')
      const [[busiest]] = await ending
      return { busiest }
    },
  }
}

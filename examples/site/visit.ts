// A visit to a site, for the twelve-site crawlers: what its page is called, or what went wrong, in one
// line. Blocking, for a thread or a process that has nothing else to do; and asynchronous.

import { isCancelled } from 'gyre'
import { fetchBlocking } from './fetch_blocking.js'
import { type Answer, fetchPage } from './fetch_page.js'

export function visitBlocking(url: string): string {
  try {
    return describe(url, fetchBlocking(url))
  } catch (error) {
    return `${nameOf(url)}: ${(error as Error).message}`
  }
}

export async function visit(url: string): Promise<string> {
  try {
    return describe(url, await fetchPage(url))
  } catch (error) {
    if (isCancelled(error)) throw error
    return `${nameOf(url)}: ${(error as Error).message}`
  }
}

/** Of the site with this address. */
export function nameOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

function describe(url: string, { status, text }: Answer): string {
  const title = /<title>(.*)<\/title>/.exec(text)?.[1]
  return `${nameOf(url)}: ${status}${title === undefined ? '' : `, "${title}"`}`
}

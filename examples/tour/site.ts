// What the tour's clients talk to.

import { Site } from '../site/site.js'

export function startSite(): Promise<Site> {
  return new Site('site', {
    '/': { afterMs: 20, text: 'welcome' },
    '/news': { afterMs: 110, text: 'all quiet' },
    '/weather': { afterMs: 250, text: 'sunny, 21 degrees' },
    '/archive': { afterMs: 420, text: 'a slow page, but worth it' },
    '/lost': { afterMs: 40, status: 404 },
    '/broken': { afterMs: 90, status: 500 },
    '/endless': { afterMs: 5000 },
  }).listen()
}

/** Services that take so many milliseconds to answer. */
export function startServices(delaysMs: Readonly<Record<string, number>>): Promise<Site[]> {
  const services = Object.entries(delaysMs).map(([city, afterMs]) =>
    new Site(city, { '/': { afterMs, text: `${city} answered first` } }).listen(),
  )
  return Promise.all(services)
}

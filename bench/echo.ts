// Echo: what one request and its reply cost a server, by the size of the message and by how many
// connections there are.

import { echoServers } from './echo_servers.js'
import type { Scenario, ServerCase } from './scenario.js'

const KIB = 1024

function underLoad(kib: number, connections: number, count: number): ServerCase {
  const load = { connections, messageBytes: kib * KIB, window: 1 }
  return { kind: 'server', name: `${kib} KiB x ${connections}`, load, count, arms: echoServers }
}

export const echo: Scenario = {
  name: 'echo',
  title: 'Echo server, CPU time of the server for each request',
  cases: [
    underLoad(1, 100, 40_000),
    underLoad(1, 1000, 40_000),
    underLoad(1, 10, 40_000),
    underLoad(1, 1, 10_000),
    underLoad(16, 100, 20_000),
    underLoad(16, 10, 20_000),
    underLoad(100, 10, 10_000),
  ],
}

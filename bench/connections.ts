// Connections: what it costs to accept, answer and close one, and what memory one takes that is idle.

import { echoServers } from './echo_servers.js'
import type { Scenario } from './scenario.js'

const MESSAGE_BYTES = 64

export const connections: Scenario = {
  name: 'connections',
  title: 'Connections that come and go, and connections that stay',
  cases: [
    {
      kind: 'server',
      name: 'accept, echo, close',
      count: 10_000,
      load: { open: 50, messageBytes: MESSAGE_BYTES },
      arms: echoServers,
    },
    {
      kind: 'server',
      name: 'idle, memory of each',
      figure: 'bytesEach',
      count: 10_000,
      roundsMax: 3,
      isFresh: true,
      load: { open: 'all', messageBytes: MESSAGE_BYTES },
      arms: echoServers,
    },
  ],
}

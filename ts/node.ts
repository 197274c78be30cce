// gyre/node: bridges between Gyre's connections and Node's streams, and tasks for HTTP requests.

import './index'

export { TransportDuplex, type TransportDuplexOptions } from './bridge/transport_duplex'
export { fromDuplex } from './node/from_duplex'
export {
  type RequestScope,
  type RequestScopeOptions,
  requestScope,
} from './node/request_scope'
export { type DuplexSource, toDuplex } from './node/to_duplex'
export { toWeb, type WebStreamPair } from './node/web_streams'

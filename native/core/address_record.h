// How an address stands in memory that is shared with TypeScript: right before the bytes of a
// datagram, in the slab where it was received and in the slab from which it is sent. Words, so
// that TypeScript reads and compares them without making anything.

#pragma once

#include <cstdint>

#include "socket_address.h"

namespace gyre {

struct AddressRecord {
  uint16_t family = 0;     // 4, 6, or 0: no address
  uint16_t port = 0;       // as a number, not in network order
  uint32_t scope = 0;      // IPv6 only: the interface of a link-local address
  uint8_t bytes[16] = {};  // in network order; IPv4 fills the first four

  static AddressRecord Of(const SocketAddress& address);

  // Returns false, and leaves `address` alone, for no address.
  bool Store(SocketAddress* address) const;
};
static_assert(sizeof(AddressRecord) == 24 && alignof(AddressRecord) == 4);

}  // namespace gyre

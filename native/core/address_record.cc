#include "address_record.h"

#include <arpa/inet.h>

#include <cstring>

namespace gyre {

AddressRecord AddressRecord::Of(const SocketAddress& address) {
  AddressRecord record;
  if (address.family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.get());
    record.family = 4;
    record.port = ntohs(v4->sin_port);
    std::memcpy(record.bytes, &v4->sin_addr, sizeof v4->sin_addr);
  } else if (address.family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.get());
    record.family = 6;
    record.port = ntohs(v6->sin6_port);
    record.scope = v6->sin6_scope_id;
    std::memcpy(record.bytes, &v6->sin6_addr, sizeof v6->sin6_addr);
  }
  return record;
}

bool AddressRecord::Store(SocketAddress* address) const {
  if (family == 4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(address->get_mutable());
    *v4 = {};
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, bytes, sizeof v4->sin_addr);
    *address->room() = sizeof *v4;
    return true;
  }
  if (family != 6) return false;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(address->get_mutable());
  *v6 = {};
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  v6->sin6_scope_id = scope;
  std::memcpy(&v6->sin6_addr, bytes, sizeof v6->sin6_addr);
  *address->room() = sizeof *v6;
  return true;
}

}  // namespace gyre

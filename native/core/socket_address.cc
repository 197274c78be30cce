#include "socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <cerrno>
#include <charconv>

namespace gyre {

namespace {

// A scope is the name of an interface or its number. Returns 0, which is no interface, for neither.
uint32_t ParseScope(const std::string& scope) {
  const uint32_t named = if_nametoindex(scope.c_str());
  if (named != 0) return named;
  uint32_t number = 0;
  const char* end = scope.data() + scope.size();
  const auto parsed = std::from_chars(scope.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

}  // namespace

int SocketAddress::Parse(const std::string& ip, uint16_t port) {
  storage_ = {};
  if (inet_pton(AF_INET, ip.c_str(), &storage_.v4.sin_addr) == 1) {
    storage_.v4.sin_family = AF_INET;
    storage_.v4.sin_port = htons(port);
    length_ = sizeof storage_.v4;
    return 0;
  }
  const size_t percent = ip.find('%');
  if (inet_pton(AF_INET6, ip.substr(0, percent).c_str(), &storage_.v6.sin6_addr) != 1) {
    return -EINVAL;
  }
  if (percent != std::string::npos) {
    storage_.v6.sin6_scope_id = ParseScope(ip.substr(percent + 1));
    if (storage_.v6.sin6_scope_id == 0) return -EINVAL;
  }
  storage_.v6.sin6_family = AF_INET6;
  storage_.v6.sin6_port = htons(port);
  length_ = sizeof storage_.v6;
  return 0;
}

uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET ? storage_.v4.sin_port : storage_.v6.sin6_port);
}

std::string SocketAddress::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &storage_.v4.sin_addr, text, sizeof text);
    return text;
  }
  inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text, sizeof text);
  if (storage_.v6.sin6_scope_id == 0) return text;
  char name[IF_NAMESIZE];
  const bool named = if_indextoname(storage_.v6.sin6_scope_id, name) != nullptr;
  return std::string(text) + '%' + (named ? name : std::to_string(storage_.v6.sin6_scope_id));
}

}  // namespace gyre

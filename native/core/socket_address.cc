#include "socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

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

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

}  // namespace

SocketAddress::SocketAddress(const CompactAddress& compact) {
  std::memcpy(&storage_.v6, &compact.bytes, sizeof compact.bytes);
  length_ = family() == AF_INET ? sizeof storage_.v4 : sizeof storage_.v6;
}

CompactAddress SocketAddress::compact() const {
  CompactAddress compact;
  const bool is_internet = family() == AF_INET || family() == AF_INET6;
  if (is_internet) std::memcpy(&compact.bytes, &storage_.v6, sizeof compact.bytes);
  return compact;
}

bool SocketAddress::IsAny() const {
  if (family() == AF_INET) return storage_.v4.sin_addr.s_addr == htonl(INADDR_ANY);
  return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

int SocketAddress::SetPath(const std::string& path) {
  storage_ = {};
  if (path.empty()) return -EINVAL;
  // A path ends with a NUL; an abstract name is all of its bytes and nothing more.
  const size_t bytes = path.size() + (path.front() == '\0' ? 0 : 1);
  if (bytes > sizeof storage_.local.sun_path) return -ENAMETOOLONG;
  storage_.local.sun_family = AF_UNIX;
  std::memcpy(storage_.local.sun_path, path.data(), path.size());
  length_ = static_cast<socklen_t>(kPathOffset + bytes);
  return 0;
}

std::string SocketAddress::path() const {
  if (family() != AF_UNIX || length_ <= kPathOffset) return {};
  const char* text = storage_.local.sun_path;
  const size_t bytes = length_ - kPathOffset;
  return text[0] == '\0' ? std::string(text, bytes) : std::string(text, strnlen(text, bytes));
}

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
    // Written for every connection, and inet_ntop(3) goes through printf for it.
    uint8_t bytes[4];
    std::memcpy(bytes, &storage_.v4.sin_addr, sizeof bytes);
    char* end = text;
    for (const uint8_t byte : bytes) {
      if (end != text) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, byte).ptr;
    }
    return {text, end};
  }
  inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text, sizeof text);
  if (storage_.v6.sin6_scope_id == 0) return text;
  char name[IF_NAMESIZE];
  const bool named = if_indextoname(storage_.v6.sin6_scope_id, name) != nullptr;
  return std::string(text) + '%' + (named ? name : std::to_string(storage_.v6.sin6_scope_id));
}

}  // namespace gyre

// The address of a socket, as numbers and as text: an IPv4 or IPv6 address and port, or the path of
// a Unix socket. Text is numeric only; names are resolved elsewhere. A scope follows the address as
// in fe80::1%eth0 or fe80::1%2. A path that begins with a NUL is a name in Linux's abstract name
// space (unix(7)).

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

namespace gyre {

// An internet address in 28 bytes, for who keeps one for every connection. Empty to begin with.
struct CompactAddress {
  sockaddr_in6 bytes{};
  bool empty() const { return bytes.sin6_family == 0; }
};

class SocketAddress {
 public:
  SocketAddress() = default;
  explicit SocketAddress(const CompactAddress& compact);

  // Returns 0 or -EINVAL.
  int Parse(const std::string& ip, uint16_t port);
  // Returns 0, -EINVAL for no path at all, or -ENAMETOOLONG.
  int SetPath(const std::string& path);

  int family() const { return storage_.base.sa_family; }
  uint16_t port() const;
  std::string ip() const;
  // Of a Unix socket; empty for one without a name.
  std::string path() const;
  // Empty for a Unix socket.
  CompactAddress compact() const;
  // 0.0.0.0 or ::, which stands for every address of the machine.
  bool IsAny() const;

  const sockaddr* get() const { return &storage_.base; }
  socklen_t length() const { return length_; }

  // For a system call to fill: give it get_mutable() and room().
  sockaddr* get_mutable() { return &storage_.base; }
  socklen_t* room() {
    length_ = sizeof storage_;
    return &length_;
  }

 private:
  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
    sockaddr_storage any;
  } storage_{};
  socklen_t length_ = 0;
};

}  // namespace gyre

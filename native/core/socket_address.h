// An IPv4 or IPv6 address and port, as numbers and as text. Text is numeric only; names are
// resolved elsewhere. A scope follows the address as in fe80::1%eth0 or fe80::1%2.

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace gyre {

class SocketAddress {
 public:
  // Returns 0 or -EINVAL.
  int Parse(const std::string& ip, uint16_t port);

  int family() const { return storage_.base.sa_family; }
  uint16_t port() const;
  std::string ip() const;

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
    sockaddr_storage any;
  } storage_{};
  socklen_t length_ = 0;
};

}  // namespace gyre

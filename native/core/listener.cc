#include "listener.h"

#include <netinet/tcp.h>

#include <utility>

namespace gyre {

Listener::Listener(Listener&& other) noexcept
    : syscalls_(other.syscalls_),
      token_(other.token_),
      fd_(std::exchange(other.fd_, -1)),
      own_address_(other.own_address_) {}

int Listener::Open(const SocketAddress& address, const Options& options) {
  fd_ = syscalls_->Socket(address.family(), SOCK_STREAM, 0);
  if (fd_ < 0) return std::exchange(fd_, -1);

  int result = address.family() == AF_UNIX ? 0 : SetInternetOptions(address.family(), options);
  if (result == 0) result = syscalls_->Bind(fd_, address.get(), address.length());
  if (result == 0) result = syscalls_->Listen(fd_, options.backlog);
  if (result == 0 && !address.IsAny()) LearnOwnAddress();
  return result;
}

// Behind a specific address a connection has just that one, which saves a call for each. The port
// is known only now if the system has chosen it.
void Listener::LearnOwnAddress() {
  SocketAddress own;
  if (syscalls_->LocalName(fd_, own.get_mutable(), own.room()) == 0) own_address_ = own.compact();
}

int Listener::SetInternetOptions(int family, const Options& options) {
  int result = 0;
  // Without SO_REUSEADDR a server that restarts would wait out its old connections' TIME_WAIT.
  if (options.reuse_address) result = syscalls_->SetOption(fd_, SOL_SOCKET, SO_REUSEADDR, 1);
  if (result == 0 && options.reuse_port) {
    result = syscalls_->SetOption(fd_, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (result == 0 && family == AF_INET6) {
    result = syscalls_->SetOption(fd_, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
  }
  // Linux hands this option down to every accepted connection, which saves a call for each.
  if (result == 0) result = syscalls_->SetOption(fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  return result;
}

void Listener::Close() {
  if (fd_ >= 0) syscalls_->Close(fd_);
  fd_ = -1;
}

Listener::Accepted Listener::Accept(SocketAddress* peer) {
  const int result =
      RetryInterrupted([&] { return syscalls_->Accept(fd_, peer->get_mutable(), peer->room()); });
  if (result >= 0) return {Answer::kAccepted, result};
  switch (-result) {
    case EAGAIN:
      return {Answer::kNobody};
    // accept(2): Linux passes pending network errors of the new socket through accept, and a
    // reliable program treats them like EAGAIN by trying again. A firewall gives EPERM.
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
    case EPERM:
      return {Answer::kTransient};
    default:
      return {Answer::kExhausted, -result};
  }
}

}  // namespace gyre

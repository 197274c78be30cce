// The cold half of the table of UDP sockets: what TypeScript asks for by a call, because it has
// arguments that do not fit a ring entry or an answer that cannot wait.

#include <netinet/in.h>

#include "datagrams.h"

namespace gyre {

namespace {

struct OptionName {
  int level;
  int v4;
  int v6;
};

// How setsockopt(2) calls an option, for each family.
OptionName NameOf(Datagrams::Option option) {
  using enum Datagrams::Option;
  switch (option) {
    case kBroadcast:
      return {SOL_SOCKET, SO_BROADCAST, SO_BROADCAST};
    case kTtl:
      return {IPPROTO_IP, IP_TTL, IPV6_UNICAST_HOPS};
    case kMulticastTtl:
      return {IPPROTO_IP, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS};
    case kMulticastLoopback:
      return {IPPROTO_IP, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP};
    case kReceiveBufferBytes:
      return {SOL_SOCKET, SO_RCVBUF, SO_RCVBUF};
    case kSendBufferBytes:
      return {SOL_SOCKET, SO_SNDBUF, SO_SNDBUF};
  }
  return {-1, -1, -1};
}

uint32_t ScopeOf(const SocketAddress* address) {
  if (address == nullptr || address->family() != AF_INET6) return 0;
  return reinterpret_cast<const sockaddr_in6*>(address->get())->sin6_scope_id;
}

}  // namespace

void Datagrams::Retire(Datagram& socket) {
  const Token token = socket.token();
  reporting_.Remove(socket);
  sending_.Remove(socket);
  interests_.Forget(socket);
  sockets_.Find(token)->reset();
  sockets_.Retire(token.slot, ready_.tail());
  --count_;
}

int Datagrams::Open(const SocketAddress& local, const SocketAddress* remote,
                    const Datagram::Options& options, Token* token) {
  int result = poller_.Open();
  if (result < 0) return result;
  const Token name = sockets_.Acquire(ready_);
  Datagram& socket = sockets_.Find(name)->emplace(syscalls_, name);
  ++count_;
  result = socket.Open(local, remote, options);
  if (result < 0) {
    Retire(socket);
    return result;
  }
  *token = name;
  return 0;
}

bool Datagrams::Owns(int fd) {
  bool owns = false;
  sockets_.ForEach([&](const std::optional<Datagram>& socket) {
    if (socket.has_value() && socket->fd() == fd) owns = true;
  });
  return owns;
}

int64_t Datagrams::PendingBytes(Token token) {
  const Datagram* socket = Find(token);
  return socket != nullptr ? static_cast<int64_t>(socket->queued_bytes()) : -EBADF;
}

int Datagrams::Address(Token token, bool peer, SocketAddress* address) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  return peer ? syscalls_.PeerName(socket->fd(), address->get_mutable(), address->room())
              : syscalls_.LocalName(socket->fd(), address->get_mutable(), address->room());
}

int Datagrams::SetOption(Token token, Option option, int value) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  SocketAddress local;
  const int result = syscalls_.LocalName(socket->fd(), local.get_mutable(), local.room());
  if (result < 0) return result;
  const bool is_v6 = local.family() == AF_INET6;
  const OptionName name = NameOf(option);
  if (name.level < 0) return -EINVAL;
  const int level = is_v6 && name.level == IPPROTO_IP ? IPPROTO_IPV6 : name.level;
  return syscalls_.SetOption(socket->fd(), level, is_v6 ? name.v6 : name.v4, value);
}

int Datagrams::GetOption(Token token, Option option, int* value) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  const OptionName name = NameOf(option);
  if (name.level != SOL_SOCKET) return -EINVAL;
  return syscalls_.GetOption(socket->fd(), name.level, name.v4, value);
}

int Datagrams::SetMembership(Token token, bool joins, const SocketAddress& group,
                             const SocketAddress* interface) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  if (group.family() == AF_INET) {
    ip_mreq request{};
    request.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(group.get())->sin_addr;
    if (interface != nullptr) {
      if (interface->family() != AF_INET) return -EINVAL;
      request.imr_interface = reinterpret_cast<const sockaddr_in*>(interface->get())->sin_addr;
    }
    return syscalls_.SetOptionBytes(socket->fd(), IPPROTO_IP,
                                    joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                                    sizeof request);
  }
  ipv6_mreq request{};
  request.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(group.get())->sin6_addr;
  request.ipv6mr_interface = ScopeOf(interface);
  return syscalls_.SetOptionBytes(socket->fd(), IPPROTO_IPV6,
                                  joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &request,
                                  sizeof request);
}

int Datagrams::SetMulticastInterface(Token token, const SocketAddress& interface) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  if (interface.family() == AF_INET) {
    const in_addr address = reinterpret_cast<const sockaddr_in*>(interface.get())->sin_addr;
    return syscalls_.SetOptionBytes(socket->fd(), IPPROTO_IP, IP_MULTICAST_IF, &address,
                                    sizeof address);
  }
  return syscalls_.SetOption(socket->fd(), IPPROTO_IPV6, IPV6_MULTICAST_IF,
                             static_cast<int>(ScopeOf(&interface)));
}

void Datagrams::CloseAll() {
  sockets_.ForEach([this](std::optional<Datagram>& socket) {
    if (socket.has_value()) Retire(*socket);
  });
}

}  // namespace gyre

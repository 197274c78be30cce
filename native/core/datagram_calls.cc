// The cold half of the table of UDP sockets: what TypeScript asks for by a call, because it has
// arguments that do not fit a ring entry or an answer that cannot wait.

#include <netinet/in.h>

#include <cstring>

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

// REQUIRES: of that family.
in_addr V4Of(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr;
}

const sockaddr_in6& V6Of(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in6*>(address.get());
}

uint32_t ScopeOf(const SocketAddress* address) {
  return address != nullptr ? V6Of(*address).sin6_scope_id : 0;
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
                    const Datagram::Options& options, Token* token, Operation* failed) {
  *failed = Operation::kBind;
  int result = poller_.Open();
  if (result < 0) return result;
  const Token name = sockets_.Acquire(ready_);
  Datagram& socket = sockets_.Find(name)->emplace(syscalls_, name);
  ++count_;
  result = socket.Open(local, remote, options);
  if (result < 0) {
    *failed = socket.failed_operation();
    Retire(socket);
    return result;
  }
  owners_.Note(socket.fd(), name);
  *token = name;
  return 0;
}

bool Datagrams::Owns(int fd) {
  const Datagram* socket = Find(owners_.LastOwner(fd));
  return socket != nullptr && fd >= 0 && socket->fd() == fd;
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
                             const SocketAddress* interface, const SocketAddress* source) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  const int family = group.family();
  if (interface != nullptr && interface->family() != family) return -EINVAL;
  if (source != nullptr && source->family() != family) return -EINVAL;
  const auto set = [&](int level, int name, const auto& request) {
    return syscalls_.SetOptionBytes(socket->fd(), level, name, &request, sizeof request);
  };
  if (family == AF_INET) {
    const in_addr any{};
    const in_addr where = interface != nullptr ? V4Of(*interface) : any;
    if (source == nullptr) {
      const ip_mreq request{V4Of(group), where};
      return set(IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, request);
    }
    const int name = joins ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP;
    ip_mreq_source request{};
    request.imr_multiaddr = V4Of(group);
    request.imr_interface = where;
    request.imr_sourceaddr = V4Of(*source);
    return set(IPPROTO_IP, name, request);
  }
  if (source == nullptr) {
    const ipv6_mreq request{V6Of(group).sin6_addr, ScopeOf(interface)};
    return set(IPPROTO_IPV6, joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, request);
  }
  group_source_req request{};
  request.gsr_interface = ScopeOf(interface);
  std::memcpy(&request.gsr_group, group.get(), group.length());
  std::memcpy(&request.gsr_source, source->get(), source->length());
  return set(IPPROTO_IPV6, joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, request);
}

int Datagrams::SetMulticastInterface(Token token, const SocketAddress& interface) {
  const Datagram* socket = Find(token);
  if (socket == nullptr || socket->is_closed()) return -EBADF;
  if (interface.family() == AF_INET) {
    const in_addr address = V4Of(interface);
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

#include "listener.h"

#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "faulty_syscalls.h"

using namespace gyre;

namespace {

struct Rig {
  FaultySyscalls syscalls;
  Listener listener{syscalls, {0, 1}};
  SocketAddress address;
  SocketAddress peer;

  Rig() {
    REQUIRE(address.Parse("127.0.0.1", 0) == 0);
    REQUIRE(listener.Open(address, {.backlog = 8}) == 0);
    REQUIRE(syscalls.LocalName(listener.fd(), address.get_mutable(), address.room()) == 0);
  }
  int Connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(::connect(fd, address.get(), address.length()) == 0);
    return fd;
  }
  Listener::Accepted Accept() { return listener.Accept(&peer); }
};

}  // namespace

TEST_CASE("an accepted connection has TCP_NODELAY from its listener") {
  Rig rig;
  const int client = rig.Connect();
  const Listener::Accepted accepted = rig.Accept();
  REQUIRE(accepted.answer == Listener::Answer::kAccepted);
  int value = 0;
  CHECK(rig.syscalls.GetOption(accepted.value, IPPROTO_TCP, TCP_NODELAY, &value) == 0);
  CHECK(value != 0);
  CHECK(rig.Accept().answer == Listener::Answer::kNobody);
  ::close(accepted.value);
  ::close(client);
}

TEST_CASE("accepting tells who connected, which a reset cannot take back") {
  Rig rig;
  const int client = rig.Connect();
  SocketAddress own;
  REQUIRE(rig.syscalls.LocalName(client, own.get_mutable(), own.room()) == 0);
  const linger reset = {1, 0};
  ::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(client);
  const Listener::Accepted accepted = rig.Accept();
  REQUIRE(accepted.answer == Listener::Answer::kAccepted);
  CHECK(rig.peer.ip() == "127.0.0.1");
  CHECK(rig.peer.port() == own.port());
  SocketAddress asked;
  CHECK(rig.syscalls.PeerName(accepted.value, asked.get_mutable(), asked.room()) == -ENOTCONN);
  ::close(accepted.value);
}

TEST_CASE("a Unix listener has no TCP options, and accepts") {
  FaultySyscalls syscalls;
  SocketAddress address;
  REQUIRE(address.SetPath(std::string("\0gyre-listener-test", 19)) == 0);
  Listener listener(syscalls, {0, 1});
  REQUIRE(listener.Open(address, {.backlog = 8, .reuse_port = true}) == 0);
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::connect(client, address.get(), address.length()) == 0);
  SocketAddress peer;
  const Listener::Accepted accepted = listener.Accept(&peer);
  REQUIRE(accepted.answer == Listener::Answer::kAccepted);
  CHECK(peer.path().empty());
  CHECK(peer.compact().empty());
  ::close(accepted.value);
  ::close(client);
}

TEST_CASE("what accept answers is sorted by what to do about it") {
  Rig rig;
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EPERM}) {
    rig.syscalls.Inject(CallId::kAccept, -error);
    CHECK(rig.Accept().answer == Listener::Answer::kTransient);
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    rig.syscalls.Inject(CallId::kAccept, -error);
    const Listener::Accepted accepted = rig.Accept();
    CHECK(accepted.answer == Listener::Answer::kExhausted);
    CHECK(accepted.value == error);
  }
  rig.syscalls.Inject(CallId::kAccept, -EINTR);
  CHECK(rig.Accept().answer == Listener::Answer::kNobody);
}

TEST_CASE("a listener that cannot be opened says why and closes its descriptor") {
  Rig rig;
  FaultySyscalls syscalls;
  SUBCASE("no descriptor") {
    syscalls.Inject(CallId::kSocket, -EMFILE);
    CHECK(Listener(syscalls, {1, 1}).Open(rig.address, {.backlog = 8}) == -EMFILE);
    CHECK(syscalls.Count(CallId::kClose) == 0);
  }
  SUBCASE("address in use") {
    CHECK(Listener(syscalls, {1, 1}).Open(rig.address, {.backlog = 8}) == -EADDRINUSE);
    CHECK(syscalls.Count(CallId::kClose) == 1);
  }
  SUBCASE("listen refused") {
    REQUIRE(rig.address.Parse("127.0.0.1", 0) == 0);
    syscalls.Inject(CallId::kListen, -EOPNOTSUPP);
    CHECK(Listener(syscalls, {1, 1}).Open(rig.address, {.backlog = 8}) == -EOPNOTSUPP);
    CHECK(syscalls.Count(CallId::kClose) == 1);
  }
}

TEST_CASE("two listeners share a port only if both ask for it") {
  FaultySyscalls syscalls;
  SocketAddress address;
  REQUIRE(address.Parse("127.0.0.1", 0) == 0);
  Listener first(syscalls, {0, 1});
  REQUIRE(first.Open(address, {.backlog = 8, .reuse_port = true}) == 0);
  REQUIRE(syscalls.LocalName(first.fd(), address.get_mutable(), address.room()) == 0);
  CHECK(Listener(syscalls, {1, 1}).Open(address, {.backlog = 8}) == -EADDRINUSE);
  CHECK(Listener(syscalls, {1, 1}).Open(address, {.backlog = 8, .reuse_port = true}) == 0);
}

TEST_CASE("an IPv6 listener takes IPv4 too unless told otherwise") {
  FaultySyscalls syscalls;
  for (const bool ipv6_only : {false, true}) {
    SocketAddress address;
    REQUIRE(address.Parse("::", 0) == 0);
    Listener listener(syscalls, {0, 1});
    REQUIRE(listener.Open(address, {.backlog = 8, .ipv6_only = ipv6_only}) == 0);
    int value = -1;
    CHECK(syscalls.GetOption(listener.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &value) == 0);
    CHECK(value == (ipv6_only ? 1 : 0));
  }
}

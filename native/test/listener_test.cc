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
};

}  // namespace

TEST_CASE("an accepted connection has TCP_NODELAY from its listener") {
  Rig rig;
  const int client = rig.Connect();
  const Listener::Accepted accepted = rig.listener.Accept();
  REQUIRE(accepted.answer == Listener::Answer::kAccepted);
  int value = 0;
  CHECK(rig.syscalls.GetOption(accepted.value, IPPROTO_TCP, TCP_NODELAY, &value) == 0);
  CHECK(value != 0);
  CHECK(rig.listener.Accept().answer == Listener::Answer::kNobody);
  ::close(accepted.value);
  ::close(client);
}

TEST_CASE("what accept answers is sorted by what to do about it") {
  Rig rig;
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EPERM}) {
    rig.syscalls.Inject(CallId::kAccept, -error);
    CHECK(rig.listener.Accept().answer == Listener::Answer::kTransient);
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    rig.syscalls.Inject(CallId::kAccept, -error);
    const Listener::Accepted accepted = rig.listener.Accept();
    CHECK(accepted.answer == Listener::Answer::kExhausted);
    CHECK(accepted.value == error);
  }
  rig.syscalls.Inject(CallId::kAccept, -EINTR);
  CHECK(rig.listener.Accept().answer == Listener::Answer::kNobody);
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

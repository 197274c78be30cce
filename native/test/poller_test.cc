#include "poller.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "faulty_syscalls.h"

using namespace gyre;

namespace {

struct Rig {
  FaultySyscalls syscalls;
  Poller poller{syscalls};
  std::array<int, 2> sockets{};

  Rig() {
    REQUIRE(poller.Open() == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets.data()) == 0);
  }
  ~Rig() {
    for (const int fd : sockets) ::close(fd);
  }
  std::vector<PollEvent> Wait(int events_max = 16) {
    std::vector<PollEvent> events(static_cast<size_t>(events_max));
    events.resize(static_cast<size_t>(std::max(0, poller.Wait(events.data(), events_max))));
    return events;
  }
  bool IsReadable() const {
    pollfd waiting{poller.descriptor(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }
};

}  // namespace

TEST_CASE("readiness is level-triggered and shows on the poller's own descriptor") {
  Rig rig;
  REQUIRE(rig.poller.Watch(rig.sockets[0], 77, kReadable) == 0);
  CHECK_FALSE(rig.IsReadable());
  CHECK(rig.Wait().empty());
  CHECK(::write(rig.sockets[1], "x", 1) == 1);
  for (int again = 0; again < 2; ++again) {
    CHECK(rig.IsReadable());
    const auto events = rig.Wait();
    REQUIRE(events.size() == 1);
    CHECK(events[0].tag == 77);
    CHECK(events[0].readiness == kReadable);
  }
}

TEST_CASE("interests can be changed and taken back") {
  Rig rig;
  REQUIRE(rig.poller.Watch(rig.sockets[0], 1, kReadable) == 0);
  REQUIRE(rig.poller.Rewatch(rig.sockets[0], 2, kReadable | kWritable) == 0);
  const auto events = rig.Wait();
  REQUIRE(events.size() == 1);
  CHECK(events[0].tag == 2);
  CHECK(events[0].readiness == kWritable);
  REQUIRE(rig.poller.Unwatch(rig.sockets[0]) == 0);
  CHECK(rig.Wait().empty());
  CHECK(rig.poller.Unwatch(rig.sockets[0]) == -ENOENT);
}

TEST_CASE("a peer that has finished is told apart from one that is gone") {
  Rig rig;
  REQUIRE(rig.poller.Watch(rig.sockets[0], 1, kReadable) == 0);
  ::shutdown(rig.sockets[1], SHUT_WR);
  REQUIRE(rig.Wait().size() == 1);
  CHECK(rig.Wait()[0].readiness == (kReadable | kPeerFinished));
  ::shutdown(rig.sockets[0], SHUT_WR);
  CHECK((rig.Wait()[0].readiness & kBroken) != 0);
}

TEST_CASE("the timer wakes once for each setting, and needs no acknowledgement") {
  Rig rig;
  CHECK(rig.poller.SetTimer(rig.syscalls.MonotonicNow() - 5) == 0);
  for (int round = 0; round < 3; ++round) {
    pollfd waiting{rig.poller.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 1'000) == 1);
    const auto events = rig.Wait();
    REQUIRE(events.size() == 1);
    CHECK(events[0].tag == Poller::kTimerTag);
    CHECK_FALSE(rig.IsReadable());
    CHECK(rig.poller.SetTimer(rig.syscalls.MonotonicNow() + 300'000) == 0);
  }
  CHECK(rig.poller.SetTimer(INT64_MAX) == 0);
  CHECK_FALSE(rig.IsReadable());
}

TEST_CASE("an interrupted wait is made again") {
  Rig rig;
  REQUIRE(rig.poller.Watch(rig.sockets[0], 1, kWritable) == 0);
  rig.syscalls.Inject(CallId::kEpollPoll, -EINTR, 2);
  CHECK(rig.Wait().size() == 1);
  CHECK(rig.syscalls.Count(CallId::kEpollPoll) == 3);
}

TEST_CASE("a poller that cannot be opened leaves nothing open") {
  FaultySyscalls syscalls;
  for (const CallId id : {CallId::kEpollCreate, CallId::kTimerCreate, CallId::kEpollControl}) {
    Poller poller(syscalls);
    syscalls.Inject(id, -EMFILE);
    syscalls.ForgetCounts();
    CHECK(poller.Open() == -EMFILE);
    CHECK_FALSE(poller.is_open());
    const int opened = syscalls.Count(CallId::kEpollCreate) + syscalls.Count(CallId::kTimerCreate) -
                       (id == CallId::kEpollControl ? 0 : 1);
    CHECK(syscalls.Count(CallId::kClose) == opened);
    CHECK(poller.Open() == 0);
  }
}

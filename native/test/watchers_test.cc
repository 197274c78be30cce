#include "watchers.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "loop_rig.h"

using namespace gyre;

namespace {

// A loop, and a pair of connected sockets that are not its own.
struct Rig : LoopRig {
  int mine;
  int theirs;

  explicit Rig(uint32_t ready_entries = 256) : LoopRig(ready_entries) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    mine = fds[0];
    theirs = fds[1];
  }
  ~Rig() {
    ::close(mine);
    ::close(theirs);
  }

  Token Watch(uint32_t interest) {
    Token token;
    REQUIRE(loop.network().WatchDescriptor(mine, interest, &token) == 0);
    return token;
  }
  int SetInterest(Token token, uint32_t interest) {
    return loop.network().SetDescriptorInterest(token, interest);
  }
  // What one turn says of the watcher; 0: nothing.
  uint32_t Ready(Token token) {
    uint32_t ready = 0;
    for (const Entry& entry : Turn()) {
      if (Is(entry, Kind::kDescriptorReady, token)) ready |= entry.a;
    }
    return ready;
  }
  void Write(int fd) { REQUIRE(::write(fd, "x", 1) == 1); }
  void Read(int fd) {
    char byte;
    REQUIRE(::read(fd, &byte, 1) == 1);
  }
};

}  // namespace

TEST_CASE("a watcher says what it was asked for, for as long as it is so") {
  Rig rig;
  const Token token = rig.Watch(kReadable);
  CHECK(rig.loop.IsAlive());
  CHECK(rig.Ready(token) == 0);
  rig.Write(rig.theirs);
  CHECK(rig.Ready(token) == kReadable);
  CHECK(rig.Ready(token) == kReadable);
  CHECK(rig.SetInterest(token, kReadable | kWritable) == 0);
  CHECK(rig.Ready(token) == (kReadable | kWritable));
  rig.Read(rig.mine);
  CHECK(rig.Ready(token) == kWritable);
  CHECK(rig.SetInterest(token, kReadable) == 0);
  CHECK(rig.Ready(token) == 0);
  CHECK(rig.SetInterest(token, 0) == 0);
  rig.Write(rig.theirs);
  CHECK(rig.Ready(token) == 0);
  CHECK_FALSE(rig.loop.IsAlive());
  CHECK(rig.SetInterest(token, kReadable) == -EBADF);
}

TEST_CASE("nothing is said twice before it is heard") {
  Rig rig;
  const Token token = rig.Watch(kReadable | kWritable);
  for (int i = 0; i < 5; ++i) rig.loop.Poll(true);
  const auto entries = rig.Take();
  CHECK(entries.size() == 1);
  CHECK(rig.Ready(token) == kWritable);
}

TEST_CASE("a watcher that finds the ring full is heard next") {
  Rig rig(1);
  const Token first = rig.Watch(kWritable);
  Token second;
  REQUIRE(rig.loop.network().WatchDescriptor(rig.theirs, kWritable, &second) == 0);
  rig.loop.Poll(true);
  CHECK(rig.loop.HasLeftover());
  const auto one = rig.Take();
  REQUIRE(one.size() == 1);
  CHECK(Is(one[0], Kind::kDescriptorReady, first));
  rig.loop.Poll(true);
  const auto other = rig.Take();
  REQUIRE(other.size() == 1);
  CHECK(Is(other[0], Kind::kDescriptorReady, second));
}

TEST_CASE("the end of the peer is readable, and a broken pipe is ready for everything") {
  Rig rig;
  const Token token = rig.Watch(kReadable);
  ::shutdown(rig.theirs, SHUT_WR);
  CHECK(rig.Ready(token) == kReadable);
  CHECK(rig.SetInterest(token, 0) == 0);
  int fds[2];
  REQUIRE(::pipe2(fds, O_NONBLOCK) == 0);
  Token writer;
  REQUIRE(rig.loop.network().WatchDescriptor(fds[1], kWritable, &writer) == 0);
  ::close(fds[0]);
  CHECK(rig.Ready(writer) == kWritable);
  CHECK(rig.SetInterest(writer, 0) == 0);
  ::close(fds[1]);
}

TEST_CASE("what cannot be watched is an error at once, and leaves nothing") {
  Rig rig;
  Network& network = rig.loop.network();
  Token token;
  CHECK(network.WatchDescriptor(-1, kReadable, &token) == -EBADF);
  CHECK(network.WatchDescriptor(99'999, kReadable, &token) == -EBADF);
  CHECK(network.WatchDescriptor(rig.mine, 0, &token) == -EINVAL);
  CHECK(network.WatchDescriptor(rig.mine, 64, &token) == -EINVAL);
  const int file = ::open("/proc/self/exe", O_RDONLY);
  CHECK(network.WatchDescriptor(file, kReadable, &token) == -EPERM);
  ::close(file);
  const Token listener = rig.Listen();
  const int taken = network.FileDescriptor(listener);
  CHECK(network.WatchDescriptor(taken, kReadable, &token) == -EEXIST);
  CHECK(network.watcher_count() == 0);
  CHECK(network.SetDescriptorInterest({9, 9}, kReadable) == -EBADF);
}

TEST_CASE("the loop's own descriptors cannot be watched, for as long as they are its own") {
  Rig rig;
  Network& network = rig.loop.network();
  // Opens the poller.
  CHECK(rig.SetInterest(rig.Watch(kReadable), 0) == 0);
  // The lowest number that is free, which the socket gets that is opened next.
  const int number = ::dup(rig.mine);
  ::close(number);
  Token watcher;
  // Twice: the number was another socket's before.
  for (const char* kind : {"stream", "datagram", "listener", "stream", "datagram"}) {
    CAPTURE(std::string(kind));
    SocketAddress address;
    REQUIRE(address.Parse("127.0.0.1", 0) == 0);
    Token token;
    Operation failed;
    if (kind[0] == 's') {
      REQUIRE(address.Parse("127.0.0.1", 9) == 0);
      REQUIRE(network.Connect(address, nullptr, &token, &failed) == 0);
      CHECK(network.FileDescriptor(token) == number);
    } else if (kind[0] == 'd') {
      REQUIRE(network.datagrams().Open(address, nullptr, {}, &token, &failed) == 0);
    } else {
      REQUIRE(network.Listen(address, {.backlog = 1}, &token) == 0);
      CHECK(network.FileDescriptor(token) == number);
    }
    CHECK(network.WatchDescriptor(number, kReadable, &watcher) == -EEXIST);
    CHECK(network.OpenPipe(number, Role::kReadPipe, true, &watcher) == -EEXIST);
    rig.Submit(kind[0] == 's'   ? Op::kAbort
               : kind[0] == 'd' ? Op::kDatagramAbort
                                : Op::kListenClose,
               token);
    rig.Turn();
    REQUIRE(::dup(rig.theirs) == number);
    REQUIRE(network.WatchDescriptor(number, kReadable, &watcher) == 0);
    CHECK(network.SetDescriptorInterest(watcher, 0) == 0);
    ::close(number);
  }
}

TEST_CASE("a descriptor closed under its watcher is harmless, whatever its number becomes") {
  Rig rig;
  const Token token = rig.Watch(kReadable);
  ::close(rig.mine);
  CHECK(rig.Ready(token) == 0);
  SUBCASE("of nobody") {
    CHECK(rig.SetInterest(token, kWritable) == -EBADF);
    CHECK(rig.SetInterest(token, 0) == 0);
  }
  SUBCASE("of another descriptor, which can be watched by asking again") {
    const int again = ::dup(rig.theirs);
    if (again != rig.mine) REQUIRE(::dup2(again, rig.mine) == rig.mine);
    if (again != rig.mine) ::close(again);
    CHECK(rig.Ready(token) == 0);
    CHECK(rig.SetInterest(token, kWritable) == 0);
    CHECK(rig.Ready(token) == kWritable);
    CHECK(rig.SetInterest(token, 0) == 0);
  }
  SUBCASE("of a socket of the loop, which goes on") {
    const Token listener = rig.Listen();
    const int fd = rig.loop.network().FileDescriptor(listener);
    if (fd == rig.mine) {
      CHECK(rig.SetInterest(token, kWritable) == -EEXIST);
      CHECK(rig.SetInterest(token, 0) == 0);
      rig.Connect(listener);
      CHECK(rig.Await(Kind::kAccepted).slot == listener.slot);
    }
    rig.loop.network().CloseAll();
  }
  rig.mine = ::dup(rig.theirs);
}

// A connection's descriptor that is given away: nothing of the connection may stay behind.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop_rig.h"
#include "network.h"

using namespace gyre;

namespace {

struct Rig : LoopRig {
  Pair pair = MakePair();
  Network& network = loop.network();

  int Surrender(Token stream) {
    loop.Drain();
    return network.Surrender(stream);
  }
  // Bytes from the other end are in the server's socket.
  void ClientSends(const std::string& bytes) {
    Send(pair.client, bytes);
    Drain();
  }
};

std::string ReadFrom(int fd) {
  char bytes[4'096];
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const ssize_t count = ::read(fd, bytes, sizeof bytes);
    if (count >= 0) return {bytes, static_cast<size_t>(count)};
    pollfd waiting{fd, POLLIN, 0};
    ::poll(&waiting, 1, 5);
  }
  return "nothing came";
}

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

TEST_CASE("a descriptor that is given away is open and unread, and the stream is gone") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.ClientSends("for the next one");
  const int fd = rig.Surrender(server);
  REQUIRE(fd >= 0);
  CHECK(rig.network.stream_count() == 1);
  CHECK(rig.network.FileDescriptor(server) == -EBADF);
  CHECK(rig.network.Surrender(server) == -EBADF);
  rig.Submit(Op::kReadStart, server);
  rig.Submit(Op::kAbort, server);
  CHECK(rig.Turn().empty());
  CHECK(ReadFrom(fd) == "for the next one");
  rig.Submit(Op::kReadStart, client);
  REQUIRE(::write(fd, "an answer", 9) == 9);
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "an answer");
  ::close(fd);
  CHECK(Is(rig.Await(Kind::kEof), Kind::kEof, client));
}

TEST_CASE("the poller forgets a descriptor that is given away, and its number is anybody's") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.Submit(Op::kReadStart, server);
  rig.Turn();
  const int fd = rig.Surrender(server);
  REQUIRE(fd >= 0);
  rig.ClientSends("not for the loop");
  for (int turn = 0; turn < 5; ++turn) CHECK(rig.Turn().empty());
  CHECK_FALSE(rig.network.IsWaiting());
  Token watcher;
  CHECK(rig.network.WatchDescriptor(fd, kReadable, &watcher) == 0);
  CHECK(Is(rig.Await(Kind::kDescriptorReady), Kind::kDescriptorReady, watcher));
  rig.network.SetDescriptorInterest(watcher, 0);
  ::close(fd);
}

TEST_CASE("a stream is kept that has bytes to send, until they are sent") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.syscalls.Inject(CallId::kSend, -EAGAIN);
  rig.Send(server, "first ");
  CHECK(rig.Surrender(server) == -EBUSY);
  CHECK(rig.network.FileDescriptor(server) >= 0);
  rig.Await(Kind::kPending);
  for (int turn = 0; turn < 100 && rig.network.PendingBytes(server) > 0; ++turn) rig.Turn();
  // What was asked for in the same drain goes out first.
  rig.Send(server, "second");
  const int fd = rig.Surrender(server);
  REQUIRE(fd >= 0);
  rig.Submit(Op::kReadStart, client);
  std::string text;
  while (text.size() < 12) text += rig.Bytes(rig.Await(Kind::kRead));
  CHECK(text == "first second");
  ::close(fd);
}

TEST_CASE("a stream is kept while an entry of it waits to be heard") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.ClientSends("received");
  rig.Submit(Op::kReadStart, server);
  while (rig.control[kReadyHead] == rig.control[kReadyTail]) {
    rig.Drain();
    rig.loop.Poll(true);
    rig.Sleep(5);
  }
  rig.Submit(Op::kReadStop, server);
  CHECK(rig.Surrender(server) == -EBUSY);
  const std::vector<Entry> entries = rig.Take();
  REQUIRE(entries.size() == 1);
  CHECK(rig.Bytes(entries[0]) == "received");
  // A timer's entry whose numbers happen to be the stream's is none of it.
  rig.Arm(server, 1);
  rig.Drain();
  rig.loop.Poll(false);
  const int fd = rig.Surrender(server);
  CHECK(Is(rig.Take().at(0), Kind::kTimer, server));
  REQUIRE(fd >= 0);
  ::close(fd);
}

TEST_CASE("a stream is kept that ends, that has ended, or that still connects") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.Submit(Op::kShutdown, client);
  CHECK(rig.Surrender(client) == -EBUSY);
  rig.Submit(Op::kReadStart, server);
  rig.Await(Kind::kEof);
  CHECK(rig.Surrender(server) == -EBUSY);
  rig.Submit(Op::kAbort, server);
  CHECK(rig.Surrender(server) == -EBADF);
  const Token listener = rig.Listen();
  CHECK(rig.Surrender(listener) == -EBADF);
  rig.syscalls.Inject(CallId::kConnect, -EINPROGRESS);
  const Token connecting = rig.Connect(listener);
  CHECK(rig.Surrender(connecting) == -EBUSY);
}

TEST_CASE("a stream whose drain is not told yet is kept") {
  Rig rig;
  const Token server = rig.pair.server;
  rig.Submit(Op::kWatchDrain, server, 0);
  CHECK(rig.Surrender(server) == -EBUSY);
  CHECK(Is(rig.Take().at(0), Kind::kDrained, server));
  const int fd = rig.Surrender(server);
  REQUIRE(fd >= 0);
  ::close(fd);
}

TEST_CASE("what the poller does not let go is kept, and lives on") {
  Rig rig;
  const auto [client, server] = rig.pair;
  rig.Submit(Op::kReadStart, server);
  rig.Turn();
  rig.syscalls.Inject(CallId::kEpollControl, -ENOMEM);
  CHECK(rig.Surrender(server) == -ENOMEM);
  rig.ClientSends("still here");
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "still here");
}

TEST_CASE("a pipe is never given away: others may have its descriptor") {
  Rig rig;
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  Token pipe;
  REQUIRE(rig.network.OpenPipe(fds[0], Role::kReadPipe, true, &pipe) == 0);
  CHECK(rig.Surrender(pipe) == -EBUSY);
  ::close(fds[1]);
}

TEST_CASE("a loop that closes leaves a descriptor open that was given away") {
  int fd = -1;
  {
    Rig rig;
    fd = rig.Surrender(rig.pair.server);
    rig.loop.Close();
  }
  CHECK(IsOpen(fd));
  ::close(fd);
}

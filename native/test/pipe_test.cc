// Streams over descriptors that were opened elsewhere: pipes, and a few things that are none.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "loop_rig.h"

using namespace gyre;

namespace {

struct Rig : LoopRig {
  int read_end;
  int write_end;

  explicit Rig(int flags = 0) {
    // As Node does.
    ::signal(SIGPIPE, SIG_IGN);
    int fds[2];
    REQUIRE(::pipe2(fds, flags) == 0);
    read_end = fds[0];
    write_end = fds[1];
  }
  ~Rig() {
    Close(read_end);
    Close(write_end);
  }
  void Close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }

  Token Open(int fd, Role role, bool closes = false) {
    Token token;
    REQUIRE(loop.network().OpenPipe(fd, role, closes, &token) == 0);
    return token;
  }
  Token OpenReader() {
    const Token token = Open(read_end, Role::kReadPipe);
    Submit(Op::kReadStart, token);
    return token;
  }
  Token OpenWriter() { return Open(write_end, Role::kWritePipe); }

  std::string PeerReads() {
    ::fcntl(read_end, F_SETFL, O_NONBLOCK);
    std::string all;
    char bytes[65'536];
    for (ssize_t n; (n = ::read(read_end, bytes, sizeof bytes)) > 0;) {
      all.append(bytes, static_cast<size_t>(n));
    }
    return all;
  }
  static bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
  static bool Blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }
};

}  // namespace

TEST_CASE("a read pipe brings bytes, and then its end") {
  Rig rig;
  const Token token = rig.OpenReader();
  rig.Drain();
  CHECK(rig.loop.IsAlive());
  CHECK(::write(rig.write_end, "hello", 5) == 5);
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "hello");
  rig.Close(rig.write_end);
  CHECK(Is(rig.Await(Kind::kEof), Kind::kEof, token));
  rig.Submit(Op::kClose, token);
  CHECK(rig.Await(Kind::kClosed).a == 0);
  CHECK(Rig::IsOpen(rig.read_end));
  CHECK_FALSE(rig.loop.IsAlive());
}

TEST_CASE("a descriptor that blocked blocks again in the end, and one that did not does not") {
  for (const bool blocked : {true, false}) {
    for (const bool aborts : {true, false}) {
      Rig rig(blocked ? 0 : O_NONBLOCK);
      const Token token = rig.OpenReader();
      CHECK_FALSE(Rig::Blocks(rig.read_end));
      rig.Submit(aborts ? Op::kAbort : Op::kClose, token);
      rig.Await(Kind::kClosed);
      CHECK(Rig::Blocks(rig.read_end) == blocked);
    }
  }
}

TEST_CASE("a descriptor that is given away is closed in the end, one that is lent is not") {
  for (const bool closes : {true, false}) {
    Rig rig;
    const Token token = rig.Open(rig.read_end, Role::kReadPipe, closes);
    rig.Submit(Op::kClose, token);
    rig.Await(Kind::kClosed);
    CHECK(Rig::IsOpen(rig.read_end) != closes);
    if (closes) rig.read_end = -1;
  }
  Rig rig;
  rig.Open(rig.write_end, Role::kWritePipe, true);
  rig.loop.Close();
  CHECK_FALSE(Rig::IsOpen(rig.write_end));
  rig.write_end = -1;
}

TEST_CASE("what is written arrives in order, and close waits for a slow reader") {
  Rig rig;
  const Token token = rig.OpenWriter();
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string chunk(10'000, static_cast<char>('a' + i % 26));
    expected += chunk;
    rig.Send(token, chunk);
  }
  rig.Submit(Op::kWatchDrain, token, 0);
  rig.Submit(Op::kClose, token);
  std::string all;
  bool is_drained = false;
  bool is_closed = false;
  for (int turn = 0; turn < 1'000 && !is_closed; ++turn) {
    for (const Entry& entry : rig.Turn()) {
      if (Is(entry, Kind::kDrained, token)) is_drained = true;
      if (Is(entry, Kind::kClosed, token)) is_closed = true;
    }
    all += rig.PeerReads();
  }
  CHECK(is_drained);
  CHECK(is_closed);
  CHECK((all + rig.PeerReads()) == expected);
}

TEST_CASE("a write pipe hears that its reader has gone, well if nothing was left") {
  for (const bool has_unsent : {false, true}) {
    Rig rig;
    const Token token = rig.OpenWriter();
    if (has_unsent) {
      rig.Send(token, std::string(200'000, 'x'));
      rig.Drain();
      CHECK(rig.loop.network().PendingBytes(token) > 0);
    }
    rig.loop.Poll(true);
    CHECK(rig.loop.IsAlive());
    rig.Close(rig.read_end);
    const Entry closed = rig.Await(Kind::kClosed);
    CHECK(closed.a == (has_unsent ? EPIPE : 0));
    CHECK(closed.b == static_cast<uint32_t>(has_unsent ? Operation::kWrite : Operation::kNone));
  }
}

TEST_CASE("writing to a pipe that nobody reads fails with EPIPE, and kills nobody") {
  Rig rig;
  const Token token = rig.OpenWriter();
  rig.Close(rig.read_end);
  rig.Send(token, "x");
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(closed.a == EPIPE);
  CHECK(closed.b == static_cast<uint32_t>(Operation::kWrite));
}

TEST_CASE("short, interrupted and failed calls are what they are with sockets") {
  Rig rig;
  const Token writer = rig.OpenWriter();
  const Token reader = rig.OpenReader();
  rig.syscalls.Inject(CallId::kWrite, -EINTR, 2);
  rig.syscalls.Inject(CallId::kWrite, -EAGAIN);
  rig.syscalls.Inject(CallId::kRead, -EINTR, 2);
  rig.Send(writer, "text");
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "text");
  rig.syscalls.Inject(CallId::kRead, -EIO);
  rig.Send(writer, "more");
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(Is(closed, Kind::kClosed, reader));
  CHECK(closed.a == EIO);
  CHECK(closed.b == static_cast<uint32_t>(Operation::kRead));
}

TEST_CASE("a closed pipe leaves the poller, though others have it open") {
  Rig rig;
  const Token token = rig.OpenReader();
  const int other = ::dup(rig.read_end);
  rig.Submit(Op::kClose, token);
  rig.Await(Kind::kClosed);
  CHECK(::write(rig.write_end, "x", 1) == 1);
  // It would be readable for ever, and nobody could stop it.
  rig.loop.Poll(true);
  CHECK(rig.Take().empty());
  Token again;
  CHECK(rig.loop.network().OpenPipe(rig.read_end, Role::kReadPipe, false, &again) == 0);
  ::close(other);
}

TEST_CASE("what is no pipe is refused, and stays as it was") {
  Rig rig;
  Network& network = rig.loop.network();
  Token token;
  CHECK(network.OpenPipe(-1, Role::kReadPipe, true, &token) == -EBADF);
  CHECK(network.OpenPipe(99'999, Role::kReadPipe, true, &token) == -EBADF);
  const int file = ::open("/proc/self/exe", O_RDONLY);
  CHECK(network.OpenPipe(file, Role::kReadPipe, true, &token) == -EPERM);
  CHECK(Rig::IsOpen(file));
  CHECK(Rig::Blocks(file));
  ::close(file);
  rig.OpenReader();
  CHECK(network.OpenPipe(rig.read_end, Role::kReadPipe, true, &token) == -EEXIST);
  CHECK(network.WatchDescriptor(rig.read_end, kReadable, &token) == -EEXIST);
  CHECK(network.stream_count() == 1);
}

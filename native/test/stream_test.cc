#include "stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "faulty_syscalls.h"

using namespace gyre;

namespace {

// A stream on one end of a socket pair, and the other end bare.
struct Rig {
  FaultySyscalls syscalls;
  int peer;
  Stream stream;

  explicit Rig(StreamState state = StreamState::kOpen) : stream(syscalls, {3, 1}, Make(), state) {}
  ~Rig() { ::close(peer); }

  int Make() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    peer = fds[1];
    return fds[0];
  }
  void Send(std::vector<std::string> parts) {
    std::vector<iovec> slices;
    for (std::string& part : parts) slices.push_back({part.data(), part.size()});
    stream.Send(slices.data(), slices.size());
  }
  std::string PeerReads() {
    std::string all;
    char bytes[65'536];
    for (ssize_t n; (n = ::read(peer, bytes, sizeof bytes)) > 0;) all.append(bytes, size_t(n));
    return all;
  }
  bool PeerSeesEnd() {
    char byte;
    return ::read(peer, &byte, 1) == 0;
  }
  bool HasFailed(int error, Operation operation) const {
    return stream.state() == StreamState::kClosed && stream.Has(Stream::kReportClosed) &&
           stream.error() == error && stream.failed_operation() == operation &&
           stream.queued() == 0 && stream.Interest() == 0 && stream.fd() == -1;
  }
};

}  // namespace

TEST_CASE("slices go out in one call, and leave nothing to report") {
  Rig rig;
  rig.Send({"one ", "two ", "three"});
  CHECK(rig.syscalls.Count(CallId::kSend) == 1);
  CHECK(rig.PeerReads() == "one two three");
  CHECK_FALSE(rig.stream.HasReports());
  CHECK(rig.stream.Interest() == 0);
}

TEST_CASE("what a short write leaves is queued, and goes out before what comes later") {
  Rig rig;
  rig.syscalls.send_bytes_max = 6;
  rig.Send({"abcd", "efgh", "ijkl"});
  CHECK(rig.stream.queued() == 6);
  CHECK(rig.stream.Has(Stream::kReportPending));
  CHECK(rig.stream.Interest() == kWritable);
  rig.Send({"mnop"});
  CHECK(rig.syscalls.Count(CallId::kSend) == 1);
  CHECK(rig.stream.queued() == 10);
  rig.stream.OnWritable();
  CHECK(rig.stream.queued() == 4);
  rig.stream.OnWritable();
  CHECK(rig.stream.queued() == 0);
  CHECK(rig.PeerReads() == "abcdefghijklmnop");
}

TEST_CASE("a full or interrupted socket is no failure") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSend, -EINTR);
  rig.syscalls.Inject(CallId::kSend, -EAGAIN);
  rig.Send({"abc"});
  CHECK(rig.stream.queued() == 3);
  rig.syscalls.Inject(CallId::kSend, -EAGAIN);
  rig.stream.OnWritable();
  CHECK(rig.stream.queued() == 3);
  rig.stream.OnWritable();
  CHECK(rig.PeerReads() == "abc");
}

TEST_CASE("shutdown and close wait for the queue") {
  for (const bool closes : {false, true}) {
    Rig rig;
    rig.stream.StartReading();
    rig.syscalls.send_bytes_max = 2;
    rig.Send({"abcd"});
    closes ? rig.stream.Close() : rig.stream.Shutdown();
    CHECK(rig.stream.state() == (closes ? StreamState::kClosing : StreamState::kShuttingDown));
    CHECK_FALSE(rig.stream.CanSend());
    CHECK(((rig.stream.Interest() & kReadable) == 0) == closes);
    rig.Send({"dropped"});
    CHECK(rig.PeerReads() == "ab");
    rig.stream.OnWritable();
    CHECK(rig.stream.state() == (closes ? StreamState::kClosed : StreamState::kShutDown));
    CHECK(rig.PeerReads() == "cd");
    CHECK(rig.PeerSeesEnd());
    if (closes) CHECK(rig.HasFailed(0, Operation::kNone));
  }
}

TEST_CASE("close after shutdown, abort after close: the stream ends once") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSend, -EAGAIN);
  rig.Send({"abcd"});
  rig.stream.Shutdown();
  rig.stream.Close();
  CHECK(rig.stream.state() == StreamState::kClosing);
  rig.stream.Abort();
  CHECK(rig.HasFailed(0, Operation::kNone));
  rig.stream.Fail(EIO, Operation::kRead);
  rig.stream.Close();
  rig.stream.Abort();
  CHECK(rig.HasFailed(0, Operation::kNone));
  CHECK(rig.syscalls.Count(CallId::kClose) == 1);
  CHECK(rig.PeerReads().empty());
}

TEST_CASE("receiving tells bytes from nothing, the end and failure") {
  Rig rig;
  std::vector<uint8_t> into(16);
  rig.stream.StartReading();
  CHECK(rig.stream.Receive(into) == 0);
  CHECK_FALSE(rig.stream.HasReports());
  CHECK(::write(rig.peer, "abc", 3) == 3);
  rig.syscalls.Inject(CallId::kReceive, -EINTR, 3);
  CHECK(rig.stream.Receive(into) == 3);
  SUBCASE("the end") {
    ::shutdown(rig.peer, SHUT_WR);
    CHECK(rig.stream.Receive(into) == 0);
    CHECK(rig.stream.Has(Stream::kReportEof));
    CHECK(rig.stream.reading() == Reading::kEnded);
    rig.stream.StartReading();
    CHECK(rig.stream.Interest() == 0);
    rig.Send({"still here"});
    CHECK(rig.PeerReads() == "still here");
  }
  SUBCASE("failure") {
    rig.syscalls.Inject(CallId::kReceive, -ECONNRESET);
    CHECK(rig.stream.Receive(into) == 0);
    CHECK(rig.HasFailed(ECONNRESET, Operation::kRead));
  }
}

TEST_CASE("a failed send drops the queue, at once or later") {
  Rig rig;
  SUBCASE("at once") {
    rig.syscalls.Inject(CallId::kSend, -EPIPE);
    rig.Send({"abc"});
    CHECK(rig.HasFailed(EPIPE, Operation::kWrite));
  }
  SUBCASE("later") {
    rig.syscalls.send_bytes_max = 1;
    rig.Send({"abc"});
    rig.syscalls.Inject(CallId::kSend, -ECONNRESET);
    rig.stream.OnWritable();
    CHECK(rig.HasFailed(ECONNRESET, Operation::kWrite));
    CHECK_FALSE(rig.stream.Has(Stream::kReportPending));
  }
  SUBCASE("a shutdown that fails") {
    rig.syscalls.Inject(CallId::kShutdown, -ENOBUFS);
    rig.stream.Shutdown();
    CHECK(rig.HasFailed(ENOBUFS, Operation::kWrite));
  }
}

TEST_CASE("a reset that a shutdown finds is told by reading") {
  Rig rig;
  rig.stream.StartReading();
  rig.syscalls.Inject(CallId::kShutdown, -ENOTCONN);
  rig.stream.Shutdown();
  CHECK(rig.stream.state() == StreamState::kShutDown);
  rig.syscalls.Inject(CallId::kReceive, -ECONNRESET);
  std::array<uint8_t, 8> into;
  CHECK(rig.stream.Receive(into) == 0);
  CHECK(rig.HasFailed(ECONNRESET, Operation::kRead));
}

TEST_CASE("a drain is reported at the mark, once, and not after the end") {
  Rig rig;
  rig.stream.WatchDrain(0);
  CHECK(rig.stream.IsDrained());
  rig.stream.ForgetDrain();
  CHECK_FALSE(rig.stream.IsDrained());
  rig.syscalls.send_bytes_max = 4;
  rig.Send({"0123456789"});
  rig.stream.WatchDrain(2);
  CHECK_FALSE(rig.stream.IsDrained());
  rig.stream.OnWritable();
  CHECK(rig.stream.IsDrained());
  rig.stream.Abort();
  CHECK_FALSE(rig.stream.IsDrained());
  rig.stream.WatchDrain(0);
  CHECK_FALSE(rig.stream.IsDrained());
}

TEST_CASE("a close that sends all that was queued drains first, one that drops it does not") {
  for (const bool aborts : {false, true}) {
    Rig rig;
    rig.syscalls.send_bytes_max = 4;
    rig.Send({"0123456789"});
    rig.stream.WatchDrain(0);
    rig.stream.Close();
    rig.stream.OnWritable();
    CHECK_FALSE(rig.stream.IsDrained());
    if (aborts) rig.stream.Abort();
    rig.stream.OnWritable();
    CHECK(rig.stream.state() == StreamState::kClosed);
    CHECK(rig.stream.IsDrained() != aborts);
  }
}

TEST_CASE("connecting ends well or badly, at once or later") {
  Rig rig(StreamState::kConnecting);
  sockaddr address{};
  SUBCASE("at once, well; what was sent before goes out") {
    rig.Send({"early"});
    rig.syscalls.Inject(CallId::kConnect, 0);
    rig.stream.Connect(&address, sizeof address);
    CHECK(rig.stream.state() == StreamState::kOpen);
    CHECK(rig.stream.Has(Stream::kReportConnected));
    CHECK(rig.PeerReads() == "early");
  }
  SUBCASE("at once, badly") {
    rig.syscalls.Inject(CallId::kConnect, -ENETUNREACH);
    rig.stream.Connect(&address, sizeof address);
    CHECK(rig.HasFailed(ENETUNREACH, Operation::kConnect));
  }
  SUBCASE("interrupted: it goes on by itself") {
    rig.syscalls.Inject(CallId::kConnect, -EINTR);
    rig.stream.Connect(&address, sizeof address);
    CHECK(rig.syscalls.Count(CallId::kConnect) == 1);
    CHECK(rig.stream.Interest() == kWritable);
    rig.stream.OnWritable();
    CHECK(rig.stream.state() == StreamState::kOpen);
  }
  SUBCASE("given up: a close does not wait") {
    rig.Send({"early"});
    rig.stream.Close();
    CHECK(rig.HasFailed(0, Operation::kNone));
  }
}

TEST_CASE("a fast reader does not hold the loop: one event flushes a bounded amount") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSend, -EAGAIN);
  rig.Send({std::string(1'100'000, 'x')});
  // Blocks of their own behind it; the kernel seems to take whatever a call offers it.
  for (int block = 0; block < 200; ++block) rig.Send({std::string(20'000, 'y')});
  rig.syscalls.ForgetCounts();
  rig.syscalls.Inject(CallId::kSend, 1'100'000 + 63 * 20'000);
  rig.stream.OnWritable();
  CHECK(rig.syscalls.Count(CallId::kSend) == 1);
  CHECK(rig.stream.queued() == 200 * 20'000 - 63 * 20'000);
}

// Files into sockets: order, ends, faults, and the descriptor that the stream has of its own.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "loop_rig.h"

using namespace gyre;

namespace {

struct Outcome {
  uint64_t bytes;
  int error;
};

Outcome OutcomeOf(const Entry& entry) {
  return {uint64_t{entry.b & 0xffffff} << 32 | entry.a, static_cast<int>(entry.b >> 24)};
}

// A file in memory with so many bytes, each of which tells where it stands.
class File {
 public:
  explicit File(size_t bytes) : fd_(::memfd_create("gyre-test", MFD_CLOEXEC)) {
    for (size_t i = 0; i < bytes; ++i) text_.push_back(static_cast<char>('a' + i % 23));
    REQUIRE(::write(fd_, text_.data(), bytes) == static_cast<ssize_t>(bytes));
  }
  ~File() { Close(); }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd() const { return fd_; }
  const std::string& text() const { return text_; }

 private:
  int fd_;
  std::string text_;
};

struct Rig : LoopRig {
  Pair pair = MakePair();
  std::string received;
  bool has_seen_end = false;

  Rig() {
    // As Node does at its start.
    ::signal(SIGPIPE, SIG_IGN);
    Submit(Op::kReadStart, pair.server);
  }
  int SendFile(const File& file, uint64_t offset = 0, uint64_t bytes = UINT64_MAX) {
    Drain();
    return loop.network().SendFile(pair.client, file.fd(), offset, bytes);
  }
  // Turns, keeping what the server receives, until the client hears of its file.
  Outcome AwaitFile() {
    std::optional<Outcome> outcome;
    for (int turn = 0; turn < 20'000 && !outcome; ++turn) {
      for (const Entry& entry : Turn()) {
        if (Is(entry, Kind::kFileSent, pair.client)) outcome = OutcomeOf(entry);
        Keep(entry);
      }
    }
    REQUIRE(outcome.has_value());
    return *outcome;
  }
  void AwaitBytes(size_t bytes) {
    for (int turn = 0; turn < 20'000; ++turn) {
      for (const Entry& entry : Turn()) Keep(entry);
      if (received.size() >= bytes) break;
    }
    REQUIRE(received.size() == bytes);
  }

 private:
  void Keep(const Entry& entry) {
    if (Is(entry, Kind::kRead, pair.server)) {
      received += Bytes(entry);
    } else if (Is(entry, Kind::kEof, pair.server)) {
      has_seen_end = true;
    }
  }
};

}  // namespace

TEST_CASE("a file goes out behind what was sent before, and before what comes next") {
  Rig rig;
  const File file(3'000'000);
  rig.Send(rig.pair.client, "before");
  std::string large(700'000, 'L');
  rig.Drain();
  rig.loop.network().Write(rig.pair.client, {reinterpret_cast<uint8_t*>(large.data()), 700'000});
  REQUIRE(rig.SendFile(file) == 0);
  const Outcome outcome = rig.AwaitFile();
  CHECK(outcome.bytes == 3'000'000);
  CHECK(outcome.error == 0);
  rig.Send(rig.pair.client, "after");
  rig.AwaitBytes(6 + 700'000 + 3'000'000 + 5);
  CHECK((rig.received == "before" + large + file.text() + "after"));
}

TEST_CASE("a part of a file is sent, as far as there is one") {
  const File file(1'000);
  const struct {
    uint64_t offset, bytes, sent;
  } parts[] = {{0, 1, 1}, {990, 100, 10}, {1'000, 5, 0}, {5'000, 5, 0}, {10, 0, 0}, {1, 998, 998}};
  for (const auto& part : parts) {
    CAPTURE(part.offset);
    Rig rig;
    REQUIRE(rig.SendFile(file, part.offset, part.bytes) == 0);
    CHECK(rig.AwaitFile().bytes == part.sent);
    rig.AwaitBytes(part.sent);
    if (part.sent > 0) CHECK(rig.received == file.text().substr(part.offset, part.sent));
  }
}

TEST_CASE("the caller may close his descriptor at once, and the stream closes its own") {
  Rig rig;
  File file(2'000'000);
  rig.syscalls.ForgetCounts();
  REQUIRE(rig.SendFile(file) == 0);
  const std::string text = file.text();
  file.Close();
  CHECK(rig.AwaitFile().bytes == text.size());
  rig.AwaitBytes(text.size());
  CHECK((rig.received == text));
  CHECK(rig.syscalls.Count(CallId::kDuplicate) == 1);
  CHECK(rig.syscalls.Count(CallId::kClose) == 1);
}

TEST_CASE("short, interrupted and blocked sends are gone on with") {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    Rig rig;
    const File file(300'000);
    rig.syscalls.send_bytes_max = 1'000 + seed * 977;
    rig.syscalls.Inject(CallId::kSendFile, -EINTR, 2);
    rig.syscalls.Inject(CallId::kSendFile, -EAGAIN, 3);
    REQUIRE(rig.SendFile(file, seed) == 0);
    CHECK(rig.AwaitFile().bytes == 300'000 - seed);
    rig.AwaitBytes(300'000 - seed);
    CHECK((rig.received == file.text().substr(seed)));
  }
}

TEST_CASE("an error of the file ends the file and not the stream") {
  Rig rig;
  const File file(5'000);
  rig.syscalls.send_bytes_max = 2'000;
  rig.syscalls.Inject(CallId::kSendFile, -EINTR);
  rig.Drain();
  // The first piece goes, then the disk fails.
  SUBCASE("at once") {
    rig.syscalls.Inject(CallId::kSendFile, -EIO);
    REQUIRE(rig.SendFile(file) == 0);
    const Outcome outcome = rig.AwaitFile();
    CHECK(outcome.bytes == 0);
    CHECK(outcome.error == EIO);
  }
  SUBCASE("a system that cannot") {
    rig.syscalls.Inject(CallId::kSendFile, -EINVAL);
    REQUIRE(rig.SendFile(file) == 0);
    CHECK(rig.AwaitFile().error == EINVAL);
  }
  rig.syscalls.send_bytes_max = SIZE_MAX;
  rig.Send(rig.pair.client, "alive");
  rig.AwaitBytes(5);
  REQUIRE(rig.SendFile(file) == 0);
  CHECK(rig.AwaitFile().bytes == 5'000);
}

TEST_CASE("a connection that breaks under a file is told once, as closed") {
  Rig rig;
  const File file(5'000);
  int error = 0;
  SUBCASE("by a reset") { error = ECONNRESET; }
  SUBCASE("by a peer that no route leads to any more") { error = EHOSTUNREACH; }
  SUBCASE("by a network that is down") { error = ENETDOWN; }
  rig.syscalls.Inject(CallId::kSendFile, -error);
  rig.syscalls.ForgetCounts();
  REQUIRE(rig.SendFile(file) == 0);
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(closed.slot == rig.pair.client.slot);
  CHECK(static_cast<int>(closed.a) == error);
  CHECK(closed.b == static_cast<uint32_t>(Operation::kWrite));
  // The socket's and the file's.
  CHECK(rig.syscalls.Count(CallId::kClose) == 2);
  CHECK(rig.SendFile(file) == -EPIPE);
}

TEST_CASE("what cannot begin says so and changes nothing") {
  Rig rig;
  const File file(64 * 1024 * 1024);
  rig.syscalls.Inject(CallId::kDuplicate, -EMFILE);
  CHECK(rig.SendFile(file) == -EMFILE);
  rig.Submit(Op::kReadStop, rig.pair.server);
  REQUIRE(rig.SendFile(file) == 0);
  CHECK(rig.SendFile(file) == -EBUSY);
  // Nothing gets in between.
  uint8_t byte = 'x';
  CHECK(rig.loop.network().Write(rig.pair.client, {&byte, 1}) == -EPIPE);
  rig.syscalls.ForgetCounts();
  rig.Submit(Op::kAbort, rig.pair.client);
  CHECK(rig.Await(Kind::kClosed).a == 0);
  CHECK(rig.syscalls.Count(CallId::kClose) == 2);
}

TEST_CASE("closing and shutting down wait for the file") {
  for (const Op op : {Op::kClose, Op::kShutdown}) {
    Rig rig;
    const File file(8'000'000);
    REQUIRE(rig.SendFile(file) == 0);
    rig.Submit(op, rig.pair.client);
    CHECK(rig.AwaitFile().bytes == 8'000'000);
    rig.AwaitBytes(8'000'000);
    CHECK((rig.received == file.text()));
    for (int turn = 0; turn < 1'000 && !rig.has_seen_end; ++turn) rig.AwaitBytes(8'000'000);
    CHECK(rig.has_seen_end);
  }
}

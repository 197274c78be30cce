#include "datagram.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "faulty_syscalls.h"

using namespace gyre;

namespace {

// A socket that is connected to a bare one, which hears what it sends.
struct Rig {
  FaultySyscalls syscalls;
  int peer;
  Datagram socket{syscalls, {3, 1}};

  explicit Rig(int segment_error = 0) : peer(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    SocketAddress local;
    SocketAddress bound;
    REQUIRE(local.Parse("127.0.0.1", 0) == 0);
    REQUIRE(::bind(peer, local.get(), local.length()) == 0);
    REQUIRE(::getsockname(peer, bound.get_mutable(), bound.room()) == 0);
    if (segment_error != 0) syscalls.Inject(CallId::kGetOption, -segment_error);
    REQUIRE(socket.Open(local, &bound, {}) == 0);
    SocketAddress mine;
    REQUIRE(::getsockname(socket.fd(), mine.get_mutable(), mine.room()) == 0);
    REQUIRE(::connect(peer, mine.get(), mine.length()) == 0);
  }
  ~Rig() { ::close(peer); }

  void Send(std::vector<std::string> texts) {
    std::vector<mmsghdr> messages(texts.size());
    std::vector<iovec> slices(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      slices[i] = {texts[i].data(), texts[i].size()};
      messages[i].msg_hdr.msg_iov = &slices[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    socket.Send(messages.data(), messages.size());
  }
  std::string PeerReads() {
    std::string all;
    char bytes[65'536];
    for (ssize_t n; (n = ::recv(peer, bytes, sizeof bytes, 0)) >= 0;) {
      all.append(bytes, static_cast<size_t>(n)) += '|';
    }
    return all;
  }
  bool HasFailed(int error) {
    return socket.is_closed() && socket.error() == error && socket.queued_bytes() == 0 &&
           socket.Interest() == 0 && socket.fd() == -1;
  }
};

struct Messages {
  std::vector<std::vector<char>> bytes;
  std::vector<iovec> slices;
  std::vector<mmsghdr> headers;

  explicit Messages(size_t count) : bytes(count, std::vector<char>(2'000)), slices(count) {
    headers.resize(count);
    for (size_t i = 0; i < count; ++i) {
      slices[i] = {bytes[i].data(), bytes[i].size()};
      headers[i].msg_hdr.msg_iov = &slices[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

}  // namespace

TEST_CASE("datagrams go out in one call, empty ones too, and leave nothing to report") {
  Rig rig;
  rig.Send({"one", "", "three"});
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 1);
  CHECK(rig.PeerReads() == "one||three|");
  CHECK_FALSE(rig.socket.HasReports());
  CHECK(rig.socket.Interest() == 0);
}

TEST_CASE("a short batch is gone on with") {
  Rig rig;
  rig.syscalls.datagrams_max = 2;
  rig.Send({"1", "22", "333", "4444", "55555"});
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 3);
  CHECK(rig.PeerReads() == "1|22|333|4444|55555|");
}

TEST_CASE("what finds no room is queued, and goes out before what comes later") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -EINTR);
  rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
  rig.Send({"a", "b"});
  CHECK(rig.socket.queued_bytes() == 2 + 2 * DatagramQueue::kOverheadBytes);
  CHECK(rig.socket.has_pending());
  CHECK(rig.socket.Interest() == kWritable);
  rig.syscalls.ForgetCounts();
  rig.Send({"c"});
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 0);
  rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
  rig.socket.OnWritable();
  CHECK(rig.socket.queued_bytes() == 3 + 3 * DatagramQueue::kOverheadBytes);
  rig.socket.OnWritable();
  CHECK(rig.PeerReads() == "a|b|c|");
  CHECK(rig.socket.queued_bytes() == 0);
}

TEST_CASE("a datagram that fails is told of, and the others go out") {
  for (const int error : {EMSGSIZE, ENOBUFS, EPERM, ENETUNREACH}) {
    Rig rig;
    rig.syscalls.Inject(CallId::kSendMany, -error);
    rig.Send({"bad", "good"});
    REQUIRE(rig.socket.failures().size() == 1);
    CHECK(rig.socket.failures()[0].error == error);
    CHECK(rig.socket.failures()[0].operation == Operation::kWrite);
    CHECK(rig.PeerReads() == "good|");
    CHECK_FALSE(rig.socket.is_closed());
  }
}

TEST_CASE("a datagram that the kernel finds too large is told of") {
  Rig rig;
  rig.Send({std::string(65'508, 'x'), "good"});
  REQUIRE(rig.socket.failures().size() == 1);
  CHECK(rig.socket.failures()[0].error == EMSGSIZE);
  CHECK(rig.PeerReads() == "good|");
}

TEST_CASE("the answer to an earlier datagram keeps none from going out") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -ECONNREFUSED);
  rig.Send({"a", "b"});
  REQUIRE(rig.socket.failures().size() == 1);
  CHECK(rig.socket.failures()[0].error == ECONNREFUSED);
  CHECK(rig.PeerReads() == "a|b|");
}

TEST_CASE("refusals without end do not keep the loop") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -ECONNREFUSED, 4);
  rig.Send({"a", "b"});
  CHECK(rig.socket.failures().size() == 4);
  CHECK(rig.syscalls.AllInjected());
  CHECK(rig.PeerReads().empty());
}

TEST_CASE("datagrams of one size leave as one message, and arrive one by one") {
  Rig rig;
  rig.Send({"aaa", "bbb", "ccc", "d", "", "ee", "ff"});
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 1);
  CHECK(rig.syscalls.messages_sent == 3);
  CHECK(rig.PeerReads() == "aaa|bbb|ccc|d||ee|ff|");
}

TEST_CASE("a batch that ends within its messages goes on with the next run") {
  Rig rig;
  rig.syscalls.datagrams_max = 1;
  rig.Send({"aa", "bb", "c", "ddd", "eee"});
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 2);
  CHECK(rig.PeerReads() == "aa|bb|c|ddd|eee|");
}

TEST_CASE("a kernel without runs gets datagrams") {
  Rig rig(ENOPROTOOPT);
  rig.Send({"aa", "bb", "cc"});
  CHECK(rig.syscalls.messages_sent == 3);
  CHECK(rig.PeerReads() == "aa|bb|cc|");
}

TEST_CASE("what does not get through as a run goes out alone, and so does what comes later") {
  for (const int error : {EIO, EINVAL, EMSGSIZE}) {
    Rig rig;
    rig.syscalls.Inject(CallId::kSendMany, -error);
    rig.Send({"aa", "bb", "cc"});
    CHECK_FALSE(rig.socket.HasReports());
    rig.Send({"dd", "ee"});
    CHECK(rig.syscalls.messages_sent == 5);
    CHECK(rig.PeerReads() == "aa|bb|cc|dd|ee|");
  }
}

TEST_CASE("runs of large datagrams that do not get through leave those of small ones") {
  Rig rig;
  const std::string large(1'401, 'x');
  rig.syscalls.Inject(CallId::kSendMany, -EMSGSIZE);
  rig.Send({large, large, "a", "b"});
  CHECK(rig.syscalls.messages_sent == 3);
  rig.Send({large, large, "aa", "bb", "cc"});
  CHECK(rig.syscalls.messages_sent == 6);
  CHECK(rig.PeerReads() == large + '|' + large + "|a|b|" + large + '|' + large + "|aa|bb|cc|");
}

TEST_CASE("a datagram that is at fault itself is told of, and runs go on") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -EINVAL, 2);
  rig.Send({"aa", "bb", "cc"});
  REQUIRE(rig.socket.failures().size() == 1);
  CHECK(rig.socket.failures()[0].error == EINVAL);
  CHECK(rig.syscalls.messages_sent == 1);
  CHECK(rig.PeerReads() == "bb|cc|");
}

TEST_CASE("each datagram of a run that fails is told of") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -EPERM, 3);
  rig.Send({"aa", "bb", "cc"});
  CHECK(rig.socket.failures().size() == 3);
  CHECK(rig.syscalls.AllInjected());
  CHECK(rig.PeerReads().empty());
}

TEST_CASE("a run that finds no room is queued, and leaves the queue as one") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -EIO);
  rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
  rig.Send({"aa", "bb"});
  CHECK(rig.socket.queued_bytes() == 4 + 2 * DatagramQueue::kOverheadBytes);
  rig.socket.OnWritable();
  CHECK(rig.syscalls.messages_sent == 1);
  CHECK(rig.PeerReads() == "aa|bb|");
}

TEST_CASE("receiving tells datagrams from nothing and from failures") {
  Rig rig;
  Messages messages(4);
  rig.socket.StartReading();
  CHECK(rig.socket.Interest() == kReadable);
  CHECK(rig.socket.Receive(messages.headers.data(), 4) == 0);
  CHECK_FALSE(rig.socket.HasReports());
  for (const char* text : {"a", "", "ccc"}) ::send(rig.peer, text, strlen(text), 0);
  rig.syscalls.Inject(CallId::kReceiveMany, -EINTR, 2);
  rig.syscalls.Inject(CallId::kReceiveMany, -ECONNREFUSED);
  REQUIRE(rig.socket.Receive(messages.headers.data(), 4) == 3);
  CHECK(messages.headers[0].msg_len == 1);
  CHECK(messages.headers[1].msg_len == 0);
  CHECK(messages.headers[2].msg_len == 3);
  REQUIRE(rig.socket.failures().size() == 1);
  CHECK(rig.socket.failures()[0].operation == Operation::kRead);
}

TEST_CASE("a socket that fails whenever it is read does not keep the loop") {
  Rig rig;
  Messages messages(1);
  rig.syscalls.Inject(CallId::kReceiveMany, -ENETDOWN, 3);
  CHECK(rig.socket.Receive(messages.headers.data(), 1) == 0);
  CHECK(rig.syscalls.AllInjected());
  CHECK(rig.socket.failures().size() == 3);
}

TEST_CASE("close waits for the queue, abort does not") {
  for (const bool aborts : {false, true}) {
    Rig rig;
    rig.socket.StartReading();
    rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
    rig.Send({"kept"});
    rig.socket.Close();
    CHECK(rig.socket.state() == DatagramState::kClosing);
    CHECK(rig.socket.Interest() == kWritable);
    CHECK_FALSE(rig.socket.CanSend());
    rig.Send({"dropped"});
    rig.socket.StartReading();
    CHECK_FALSE(rig.socket.is_reading());
    aborts ? rig.socket.Abort() : rig.socket.OnWritable();
    CHECK(rig.HasFailed(0));
    rig.socket.Close();
    rig.socket.Abort();
    rig.socket.Fail(EIO, Operation::kRead);
    CHECK(rig.HasFailed(0));
    CHECK(rig.PeerReads() == (aborts ? "" : "kept|"));
    CHECK(rig.syscalls.Count(CallId::kClose) == 1);
  }
}

TEST_CASE("a drain is reported at the mark, once, and not after an abort") {
  Rig rig;
  rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
  rig.Send({"ten bytes."});
  rig.socket.WatchDrain(17);
  CHECK_FALSE(rig.socket.IsDrained());
  rig.socket.WatchDrain(18);
  CHECK(rig.socket.IsDrained());
  rig.socket.ForgetDrain();
  CHECK_FALSE(rig.socket.IsDrained());
  rig.socket.WatchDrain(0);
  rig.socket.Abort();
  CHECK_FALSE(rig.socket.IsDrained());
  rig.socket.WatchDrain(0);
  CHECK_FALSE(rig.socket.IsDrained());
}

TEST_CASE("a socket that cannot be opened leaves no descriptor") {
  SocketAddress local;
  SocketAddress elsewhere;
  REQUIRE(local.Parse("127.0.0.1", 0) == 0);
  REQUIRE(elsewhere.Parse("192.0.2.1", 0) == 0);
  FaultySyscalls syscalls;
  {
    syscalls.Inject(CallId::kSocket, -EMFILE);
    Datagram socket(syscalls, {1, 1});
    CHECK(socket.Open(local, nullptr, {}) == -EMFILE);
  }
  CHECK(syscalls.Count(CallId::kClose) == 0);
  {
    Datagram socket(syscalls, {1, 1});
    CHECK(socket.Open(elsewhere, &local, {}) == -EADDRNOTAVAIL);
    CHECK(socket.failed_operation() == Operation::kBind);
  }
  CHECK(syscalls.Count(CallId::kClose) == 1);
  {
    syscalls.Inject(CallId::kConnect, -EACCES);
    Datagram socket(syscalls, {1, 1});
    CHECK(socket.Open(local, &local, {.reuse_port = true, .broadcast = true}) == -EACCES);
    CHECK(socket.failed_operation() == Operation::kConnect);
  }
  CHECK(syscalls.Count(CallId::kClose) == 2);
}

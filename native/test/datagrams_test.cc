#include "datagrams.h"

#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "loop_rig.h"

using namespace gyre;

namespace {

struct Rig : LoopRig {
  using LoopRig::LoopRig;

  Datagrams& sockets() { return loop.network().datagrams(); }

  SocketAddress AddressOf(Token token) {
    SocketAddress address;
    REQUIRE(sockets().Address(token, false, &address) == 0);
    return address;
  }

  Token Open(const SocketAddress* remote = nullptr, const char* ip = "127.0.0.1") {
    SocketAddress local;
    Token token;
    REQUIRE(local.Parse(ip, 0) == 0);
    Operation failed;
    REQUIRE(sockets().Open(local, remote, {}, &token, &failed) == 0);
    Submit(Op::kDatagramStart, token);
    return token;
  }

  // A datagram in the send slab, with its record before it.
  void SendTo(Token token, const std::string& bytes, const SocketAddress* to = nullptr) {
    const AddressRecord record = to != nullptr ? AddressRecord::Of(*to) : AddressRecord{};
    if (cursor + sizeof record + bytes.size() > send_memory.size()) Flush();
    std::memcpy(&send_memory[cursor], &record, sizeof record);
    cursor += sizeof record;
    std::copy(bytes.begin(), bytes.end(), send_memory.begin() + static_cast<long>(cursor));
    Submit(Op::kDatagramSend, token, static_cast<uint32_t>(cursor),
           static_cast<uint32_t>(bytes.size()));
    cursor = (cursor + bytes.size() + 3) & ~size_t{3};
  }
  void Flush() {
    Drain();
    cursor = 0;
  }

  std::string Text(const Entry& entry) const {
    return {reinterpret_cast<const char*>(datagram_memory.data()) + entry.a, entry.b};
  }
  uint16_t SenderPort(const Entry& entry) const {
    AddressRecord record;
    std::memcpy(&record, &datagram_memory[entry.a - sizeof record], sizeof record);
    CHECK(record.family == 4);
    return record.port;
  }
  // Collects what a socket receives until there are `count`.
  std::vector<std::string> Receive(Token token, size_t count) {
    std::vector<std::string> texts;
    for (int turn = 0; turn < 2'000 && texts.size() < count; ++turn) {
      Flush();
      loop.Poll(true);
      for (const Entry& entry : Take()) {
        if (Is(entry, Kind::kDatagram, token)) texts.push_back(Text(entry));
      }
      if (texts.size() < count) Sleep(5);
    }
    return texts;
  }

  size_t cursor = 0;
};

}  // namespace

TEST_CASE("a batch arrives in order, with its sender, through two system calls") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open();
  rig.syscalls.ForgetCounts();
  for (const char* text : {"one", "", "three"}) rig.SendTo(client, text, &to);
  rig.Flush();
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 1);
  rig.loop.Poll(true);
  const auto entries = rig.Take();
  REQUIRE(entries.size() == 3);
  CHECK(rig.Text(entries[0]) == "one");
  CHECK(rig.Text(entries[1]).empty());
  CHECK(rig.Text(entries[2]) == "three");
  CHECK(rig.SenderPort(entries[2]) == rig.AddressOf(client).port());
  CHECK(rig.syscalls.Count(CallId::kReceiveMany) == 1);
}

TEST_CASE("the largest datagram arrives whole, next to small ones") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open();
  rig.SendTo(client, "small", &to);
  rig.SendTo(client, std::string(65'507, 'x'), &to);
  rig.SendTo(client, "last", &to);
  const auto texts = rig.Receive(server, 3);
  REQUIRE(texts.size() == 3);
  CHECK(texts[1] == std::string(65'507, 'x'));
  CHECK(texts[2] == "last");
}

TEST_CASE("the slab is not used again before everybody has read it") {
  Rig rig(1'024);
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open();
  for (int i = 0; i < 150; ++i) rig.SendTo(client, std::to_string(i), &to);
  rig.Flush();
  // Nobody consumes: no more than the slots there are, and the event stays first in line.
  for (int round = 0; round < 5; ++round) rig.loop.Poll(true);
  CHECK(rig.loop.ready_size() == DatagramSlab::kSlots);
  CHECK(rig.loop.HasLeftover());
  int next = 0;
  for (int turn = 0; turn < 100 && next < 150; ++turn) {
    for (const Entry& entry : rig.Take()) {
      CHECK(rig.Text(entry) == std::to_string(next));
      ++next;
    }
    rig.loop.Poll(true);
  }
  CHECK(next == 150);
}

TEST_CASE("a ring without room loses nothing") {
  Rig rig(4);
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open();
  for (int i = 0; i < 50; ++i) rig.SendTo(client, std::to_string(i), &to);
  const auto texts = rig.Receive(server, 50);
  REQUIRE(texts.size() == 50);
  for (size_t i = 0; i < texts.size(); ++i) CHECK(texts[i] == std::to_string(i));
}

TEST_CASE("many failures wait for room, and none is lost") {
  Rig rig(4);
  const Token client = rig.Open();
  SocketAddress to;
  REQUIRE(to.Parse("127.0.0.1", 9) == 0);
  rig.syscalls.Inject(CallId::kSendMany, -EPERM, 10);
  for (int i = 0; i < 10; ++i) rig.SendTo(client, "x", &to);
  rig.Submit(Op::kDatagramClose, client);
  rig.Flush();
  size_t failures = 0;
  bool is_closed = false;
  for (int turn = 0; turn < 20; ++turn) {
    for (const Entry& entry : rig.Take()) {
      if (Is(entry, Kind::kDatagramFailed, client)) {
        CHECK_FALSE(is_closed);
        CHECK(entry.a == EPERM);
        ++failures;
      }
      if (Is(entry, Kind::kDatagramClosed, client)) is_closed = true;
    }
    rig.loop.Poll(true);
  }
  CHECK(failures == 10);
  CHECK(is_closed);
  CHECK(rig.sockets().count() == 0);
  CHECK_FALSE(rig.loop.IsAlive());
}

TEST_CASE("a refused datagram comes back to a connected socket, which lives on") {
  Rig rig;
  const Token gone = rig.Open();
  const SocketAddress nobody = rig.AddressOf(gone);
  rig.Submit(Op::kDatagramAbort, gone);
  rig.Await(Kind::kDatagramClosed);
  const Token client = rig.Open(&nobody);
  rig.SendTo(client, "anybody?");
  rig.Flush();
  const Entry failed = rig.Await(Kind::kDatagramFailed);
  CHECK(failed.a == ECONNREFUSED);
  CHECK(failed.b == static_cast<uint32_t>(Operation::kRead));
  CHECK(rig.sockets().count() == 1);
  // The error is taken off the socket: the poller has nothing more to say.
  rig.loop.Poll(true);
  CHECK(rig.Take().empty());
}

TEST_CASE("a socket whose buffer is full sends the rest when it drains") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open();
  rig.syscalls.Inject(CallId::kSendMany, -EAGAIN);
  for (int i = 0; i < 50; ++i) rig.SendTo(client, std::to_string(i), &to);
  rig.Submit(Op::kDatagramWatchDrain, client, 0);
  rig.Flush();
  auto entries = rig.Take();
  REQUIRE(entries.size() == 1);
  CHECK(Is(entries[0], Kind::kDatagramPending, client));
  CHECK(entries[0].a == rig.sockets().PendingBytes(client));
  size_t received = 0;
  bool is_drained = false;
  for (int turn = 0; turn < 1'000 && (received < 50 || !is_drained); ++turn) {
    rig.Sleep(5);
    rig.loop.Poll(true);
    for (const Entry& entry : rig.Take()) {
      if (Is(entry, Kind::kDatagram, server)) CHECK(rig.Text(entry) == std::to_string(received++));
      if (Is(entry, Kind::kDatagramDrained, client)) is_drained = true;
    }
  }
  CHECK(received == 50);
  CHECK(is_drained);
}

TEST_CASE("slices outside the slab and stale tokens are dropped") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open(&to);
  rig.Submit(Op::kDatagramSend, client, 0, 5);
  rig.Submit(Op::kDatagramSend, client, 23, 5);
  rig.Submit(Op::kDatagramSend, client, static_cast<uint32_t>(rig.send_memory.size()), 1);
  rig.Submit(Op::kDatagramSend, client, 1'000'000'000, UINT32_MAX);
  rig.Submit(Op::kDatagramSend, {client.slot, client.generation + 1}, 24, 0);
  rig.Submit(Op::kDatagramClose, {77, 1});
  rig.cursor = 100;
  rig.SendTo(client, "good");
  CHECK(rig.Receive(server, 1) == std::vector<std::string>{"good"});
  Token token;
  CHECK(rig.sockets().PendingBytes({77, 1}) == -EBADF);
  Operation failed = Operation::kNone;
  CHECK(rig.sockets().Open(to, &to, {}, &token, &failed) == -EADDRINUSE);
  CHECK(failed == Operation::kBind);
  CHECK(rig.sockets().count() == 2);
}

TEST_CASE("an abort drops what was sent in the same drain") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open(&to);
  rig.Flush();
  rig.syscalls.ForgetCounts();
  rig.SendTo(client, "never");
  rig.Submit(Op::kDatagramAbort, client);
  rig.Flush();
  CHECK(rig.syscalls.Count(CallId::kSendMany) == 0);
  const auto entries = rig.Take();
  REQUIRE(entries.size() == 1);
  CHECK(Is(entries[0], Kind::kDatagramClosed, client));
}

TEST_CASE("a socket that the poller will not watch has failed") {
  Rig rig;
  const Token socket = rig.Open();
  rig.syscalls.Inject(CallId::kEpollControl, -ENOMEM);
  const Entry closed = rig.Await(Kind::kDatagramClosed);
  CHECK(closed.slot == socket.slot);
  CHECK(closed.a == ENOMEM);
  CHECK_FALSE(rig.loop.IsAlive());
}

TEST_CASE("without a slab nothing is received, and one is asked for") {
  Rig rig;
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  const Token client = rig.Open(&to);
  rig.sockets().SetSlab({});
  rig.SendTo(client, "waits");
  rig.Flush();
  rig.loop.Poll(true);
  CHECK(rig.loop.WantsReceiveSlab());
  CHECK(rig.Take().empty());
  rig.sockets().SetSlab(rig.datagram_memory);
  CHECK_FALSE(rig.loop.WantsReceiveSlab());
  CHECK(rig.Receive(server, 1) == std::vector<std::string>{"waits"});
}

TEST_CASE("options and memberships reach the socket, of both families") {
  using Option = Datagrams::Option;
  for (const char* ip : {"127.0.0.1", "::1"}) {
    Rig rig;
    const Token socket = rig.Open(nullptr, ip);
    const bool is_v6 = std::strchr(ip, ':') != nullptr;
    CHECK(rig.sockets().SetOption(socket, Option::kBroadcast, 1) == 0);
    CHECK(rig.sockets().SetOption(socket, Option::kTtl, 7) == 0);
    CHECK(rig.sockets().SetOption(socket, Option::kMulticastTtl, 3) == 0);
    CHECK(rig.sockets().SetOption(socket, Option::kMulticastLoopback, 0) == 0);
    CHECK(rig.sockets().SetOption(socket, static_cast<Option>(99), 0) == -EINVAL);
    CHECK(rig.sockets().SetOption(socket, Option::kReceiveBufferBytes, 50'000) == 0);
    int bytes = 0;
    CHECK(rig.sockets().GetOption(socket, Option::kReceiveBufferBytes, &bytes) == 0);
    CHECK(bytes == 100'000);
    CHECK(rig.sockets().GetOption(socket, Option::kTtl, &bytes) == -EINVAL);
    SocketAddress group;
    SocketAddress interface;
    REQUIRE(group.Parse(is_v6 ? "ff02::1234" : "239.1.2.3", 0) == 0);
    REQUIRE(interface.Parse(is_v6 ? "::%lo" : "127.0.0.1", 0) == 0);
    CHECK(rig.sockets().SetMulticastInterface(socket, interface) == 0);
    const auto set = [&](bool joins, const SocketAddress* where, const SocketAddress* source) {
      return rig.sockets().SetMembership(socket, joins, group, where, source);
    };
    CHECK(set(true, &interface, nullptr) == 0);
    CHECK(set(true, &interface, nullptr) == -EADDRINUSE);
    CHECK(set(false, &interface, nullptr) == 0);
    CHECK(set(false, &interface, nullptr) == -EADDRNOTAVAIL);
    SocketAddress source;
    REQUIRE(source.Parse(is_v6 ? "::1" : "127.0.0.1", 0) == 0);
    CHECK(set(true, &interface, &source) == 0);
    CHECK(set(true, &interface, &source) == -EADDRNOTAVAIL);
    CHECK(set(true, &interface, nullptr) == -EADDRINUSE);
    CHECK(set(false, &interface, &source) == 0);
    CHECK(set(false, &interface, &source) < 0);
    SocketAddress foreign;
    REQUIRE(foreign.Parse(is_v6 ? "127.0.0.1" : "::1", 0) == 0);
    CHECK(set(true, &foreign, nullptr) == -EINVAL);
    CHECK(set(true, &interface, &foreign) == -EINVAL);
    CHECK(rig.sockets().SetMembership({5, 5}, true, group, nullptr, nullptr) == -EBADF);
    CHECK(rig.sockets().SetOption({5, 5}, Option::kTtl, 7) == -EBADF);
  }
}

TEST_CASE("random transfers under random faults: what was sent arrives once, in order") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Rig rig(64);
  const Token server = rig.Open();
  const SocketAddress to = rig.AddressOf(server);
  REQUIRE(rig.sockets().SetOption(server, Datagrams::Option::kReceiveBufferBytes, 1 << 20) == 0);
  std::vector<Token> clients;
  std::map<uint16_t, std::vector<std::string>> expected;
  std::map<uint16_t, size_t> arrived;
  for (int i = 0; i < 5; ++i) clients.push_back(rig.Open(&to));
  size_t sent = 0;
  size_t got = 0;
  for (int step = 0; step < 20'000 && (sent < 2'000 || got < sent); ++step) {
    rig.syscalls.datagrams_max = 1 + random() % 80;
    // Unread datagrams must not fill the receiver's buffer: UDP would drop them.
    if (sent < 2'000 && sent - got < 60) {
      const Token client = clients[random() % clients.size()];
      const size_t length = random() % 10 == 0 ? random() % 3'000 : random() % 30;
      const std::string text(length, static_cast<char>('a' + sent % 26));
      expected[rig.AddressOf(client).port()].push_back(text);
      rig.SendTo(client, text);
      ++sent;
    }
    if (random() % 10 == 0) {
      rig.syscalls.Inject(CallId::kSendMany, random() % 2 == 0 ? -EINTR : -EAGAIN);
    }
    if (random() % 10 == 0) rig.syscalls.Inject(CallId::kReceiveMany, -EAGAIN);
    if (random() % 3 == 0) rig.Flush();
    rig.loop.Poll(true);
    if (random() % 2 == 0) continue;
    for (const Entry& entry : rig.Take()) {
      if (!Is(entry, Kind::kDatagram, server)) continue;
      const uint16_t port = rig.SenderPort(entry);
      REQUIRE(arrived[port] < expected[port].size());
      CHECK(rig.Text(entry) == expected[port][arrived[port]++]);
      ++got;
    }
    if (step % 50 == 0) rig.Flush();
    rig.loop.PrepareToWait();
  }
  CHECK(sent == 2'000);
  CHECK(got == sent);
}

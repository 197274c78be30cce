#include "network.h"

#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <set>

#include "loop_rig.h"

using namespace gyre;

namespace {

// Sizes a socket's buffer down, so that a few kilobytes fill it.
void MakeNarrow(LoopRig& rig, Token stream) {
  const int fd = rig.loop.network().FileDescriptor(stream);
  REQUIRE(rig.syscalls.SetOption(fd, SOL_SOCKET, SO_SNDBUF, 4'096) == 0);
}

std::string ReadAll(LoopRig& rig, Token stream, size_t length) {
  std::string all;
  rig.Submit(Op::kReadStart, stream);
  for (int turn = 0; turn < 5'000 && all.size() < length; ++turn) {
    for (const Entry& entry : rig.Turn()) {
      if (Is(entry, Kind::kRead, stream)) all += rig.Bytes(entry);
    }
    if (all.size() < length) rig.Sleep(5);
  }
  return all;
}

}  // namespace

TEST_CASE("bytes arrive, the end arrives after them, and both sides close orderly") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  rig.Submit(Op::kReadStart, client);
  rig.Send(server, "hello ");
  rig.Send(server, "world");
  rig.Submit(Op::kClose, server);
  std::string text;
  std::vector<Kind> kinds;
  for (int turn = 0; turn < 1'000 && (kinds.empty() || kinds.back() != Kind::kEof); ++turn) {
    for (const Entry& entry : rig.Turn()) {
      if (Is(entry, Kind::kClosed, server)) continue;
      kinds.push_back(static_cast<Kind>(entry.code()));
      if (Is(entry, Kind::kRead, client)) text += rig.Bytes(entry);
    }
  }
  CHECK(text == "hello world");
  CHECK(rig.loop.network().stream_count() == 1);
  rig.Submit(Op::kClose, client);
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(closed.a == 0);
  CHECK(rig.loop.network().stream_count() == 0);
  CHECK_FALSE(rig.loop.IsAlive());
}

TEST_CASE("all sends of one drain are one call, neighbours are one slice, and order is kept") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  rig.syscalls.ForgetCounts();
  for (int i = 0; i < 10; ++i) {
    rig.Send(client, "c" + std::to_string(i));
    rig.Send(server, "s" + std::to_string(i));
  }
  rig.Submit(Op::kShutdown, client);
  rig.Drain();
  CHECK(rig.syscalls.Count(CallId::kSend) == 2);
  CHECK(rig.syscalls.Count(CallId::kShutdown) == 1);
  CHECK(ReadAll(rig, server, 20) == "c0c1c2c3c4c5c6c7c8c9");
  CHECK(ReadAll(rig, client, 20) == "s0s1s2s3s4s5s6s7s8s9");
}

TEST_CASE("more slices than one call takes still arrive in order") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  std::string expected;
  for (uint32_t i = 0; i < 300; ++i) {
    rig.send_memory[i * 2] = static_cast<uint8_t>('a' + i % 26);
    expected += static_cast<char>('a' + i % 26);
    const uint32_t tag = static_cast<uint32_t>(Op::kSend) | client.generation << 8;
    rig.loop.network().Handle({tag, client.slot, i * 2, 1});
  }
  rig.loop.network().FlushSends();
  std::string all;
  const uint32_t tag = static_cast<uint32_t>(Op::kReadStart) | server.generation << 8;
  rig.loop.network().Handle({tag, server.slot, 0, 0});
  for (int turn = 0; turn < 1'000 && all.size() < expected.size(); ++turn) {
    rig.loop.Poll(true);
    for (const Entry& entry : rig.Take()) all += rig.Bytes(entry);
  }
  CHECK(all == expected);
}

TEST_CASE("an abort drops what was sent in the same drain") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  rig.Send(client, "never");
  rig.Submit(Op::kAbort, client);
  rig.syscalls.ForgetCounts();
  rig.Drain();
  CHECK(rig.syscalls.Count(CallId::kSend) == 0);
  const auto entries = rig.Take();
  REQUIRE(entries.size() == 1);
  CHECK(Is(entries[0], Kind::kClosed, client));
  rig.Submit(Op::kReadStart, server);
  CHECK(rig.Await(Kind::kEof).slot == server.slot);
}

TEST_CASE("back-pressure: pending once a drain, drained once at the mark") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  MakeNarrow(rig, client);
  for (int i = 0; i < 4; ++i) rig.Send(client, std::string(60'000, static_cast<char>('a' + i)));
  rig.Drain();
  const auto entries = rig.Take();
  REQUIRE(entries.size() == 1);
  REQUIRE(Is(entries[0], Kind::kPending, client));
  CHECK(entries[0].a == rig.loop.network().PendingBytes(client));
  rig.Submit(Op::kWatchDrain, client, 1'000);
  rig.Submit(Op::kReadStart, server);
  size_t received = 0;
  int drained = 0;
  for (int turn = 0; turn < 5'000 && (received < 240'000 || drained == 0); ++turn) {
    for (const Entry& entry : rig.Turn()) {
      if (Is(entry, Kind::kRead, server)) received += entry.b;
      if (Is(entry, Kind::kDrained, client)) {
        ++drained;
        CHECK(entry.a <= 1'000);
      }
    }
    rig.Sleep(1);
  }
  CHECK(received == 240'000);
  CHECK(drained == 1);
  rig.Submit(Op::kWatchDrain, client, 0);
  rig.Drain();
  const auto at_once = rig.Take();
  REQUIRE(at_once.size() == 1);
  CHECK(Is(at_once[0], Kind::kDrained, client));
}

TEST_CASE("a write from the caller's memory says what is left, or why not") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  MakeNarrow(rig, client);
  std::vector<uint8_t> data(8'000'000, 'x');
  const int64_t left = rig.loop.network().Write(client, data);
  CHECK(left > 0);
  CHECK(left == rig.loop.network().PendingBytes(client));
  rig.Submit(Op::kClose, client);
  rig.Drain();
  CHECK(rig.loop.network().Write(client, data) == -EPIPE);
  CHECK(rig.loop.network().Write({client.slot, client.generation + 1}, data) == -EBADF);
  rig.syscalls.Inject(CallId::kSend, -ECONNRESET);
  CHECK(rig.loop.network().Write(server, data) == -ECONNRESET);
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(Is(closed, Kind::kClosed, server));
  CHECK(closed.a == ECONNRESET);
  CHECK(closed.b == static_cast<uint32_t>(Operation::kWrite));
}

TEST_CASE("a connection that is refused is closed, and never inside the call") {
  LoopRig rig;
  const Token listener = rig.Listen();
  SocketAddress address;
  REQUIRE(rig.loop.network().Address(listener, false, &address) == 0);
  rig.Submit(Op::kListenClose, listener);
  rig.Drain();
  Token token;
  Operation failed = Operation::kNone;
  REQUIRE(rig.loop.network().Connect(address, nullptr, &token, &failed) == 0);
  CHECK(rig.Take().empty());
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(closed.a == ECONNREFUSED);
  CHECK(closed.b == static_cast<uint32_t>(Operation::kConnect));
  rig.syscalls.Inject(CallId::kConnect, -ENETUNREACH);
  REQUIRE(rig.loop.network().Connect(address, nullptr, &token, &failed) == 0);
  CHECK(rig.loop.IsAlive());
  CHECK(rig.Take().empty());
  CHECK(rig.Await(Kind::kClosed).a == ENETUNREACH);
  rig.syscalls.Inject(CallId::kSocket, -EMFILE);
  CHECK(rig.loop.network().Connect(address, nullptr, &token, &failed) == -EMFILE);
  CHECK(failed == Operation::kConnect);
  rig.syscalls.Inject(CallId::kBind, -EADDRINUSE);
  CHECK(rig.loop.network().Connect(address, &address, &token, &failed) == -EADDRINUSE);
  CHECK(failed == Operation::kBind);
  CHECK(rig.loop.network().stream_count() == 0);
}

TEST_CASE("an accepted stream costs one call to the poller, an unread one none") {
  LoopRig rig;
  const Token listener = rig.Listen();
  const Token client = rig.Connect(listener);
  const Entry accepted = rig.Await(Kind::kAccepted);
  const Token server{accepted.a, accepted.b};
  rig.Turn();
  rig.syscalls.ForgetCounts();
  rig.Submit(Op::kReadStart, server);
  rig.Submit(Op::kReadStop, server);
  rig.Submit(Op::kReadStart, server);
  rig.Turn();
  CHECK(rig.syscalls.Count(CallId::kEpollControl) == 1);
  rig.Submit(Op::kAbort, server);
  rig.Submit(Op::kReadStart, client);
  rig.Turn();
  CHECK(rig.syscalls.Count(CallId::kEpollControl) == 2);
}

TEST_CASE("out of descriptors the listener rests, and resumes") {
  LoopRig rig;
  const Token listener = rig.Listen();
  const Token client = rig.Connect(listener);
  rig.syscalls.Inject(CallId::kAccept, -EMFILE);
  const Entry failed = rig.Await(Kind::kAcceptFailed);
  CHECK(failed.slot == listener.slot);
  CHECK(failed.a == EMFILE);
  rig.syscalls.ForgetCounts();
  for (int turn = 0; turn < 3; ++turn) rig.Turn();
  CHECK(rig.syscalls.Count(CallId::kAccept) == 0);
  CHECK(rig.loop.IsAlive());
  rig.syscalls.Inject(CallId::kAccept, -ECONNABORTED);
  rig.Submit(Op::kListenResume, listener);
  rig.Submit(Op::kListenResume, listener);
  CHECK(rig.Await(Kind::kAccepted).slot == listener.slot);
  CHECK(rig.syscalls.AllInjected());
  rig.Submit(Op::kAbort, client);
  rig.Drain();
}

TEST_CASE("a ready ring without room makes everything wait and loses nothing") {
  LoopRig rig(2);
  const Token listener = rig.Listen();
  std::set<uint32_t> clients;
  for (int i = 0; i < 20; ++i) clients.insert(rig.Connect(listener).slot);
  std::vector<Token> servers;
  std::set<uint32_t> connected;
  while (servers.size() < 20 || connected.size() < 20) {
    rig.loop.Drain();
    rig.loop.Poll(true);
    rig.loop.Poll(true);
    CHECK(rig.control[kReadyTail] - rig.control[kReadyHead] <= 2);
    for (const Entry& entry : rig.Take()) {
      if (entry.code() == static_cast<uint32_t>(Kind::kConnected)) connected.insert(entry.slot);
      if (entry.code() == static_cast<uint32_t>(Kind::kAccepted)) {
        servers.push_back({entry.a, entry.b});
      }
    }
  }
  CHECK(connected == clients);
  for (const Token server : servers) rig.Submit(Op::kAbort, server);
  rig.Drain();
  std::set<uint32_t> closed;
  for (int turn = 0; turn < 100; ++turn) {
    for (const Entry& entry : rig.Turn()) {
      REQUIRE(entry.code() == static_cast<uint32_t>(Kind::kClosed));
      CHECK(closed.insert(entry.slot).second);
    }
  }
  CHECK(closed.size() == 20);
  CHECK(rig.loop.network().stream_count() == 20);
}

TEST_CASE("a stream that the poller refuses has failed") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  rig.Turn();
  rig.syscalls.Inject(CallId::kEpollControl, -ENOSPC);
  rig.Submit(Op::kReadStart, server);
  const Entry closed = rig.Await(Kind::kClosed);
  CHECK(closed.slot == server.slot);
  CHECK(closed.a == ENOSPC);
}

TEST_CASE("requests with stale tokens and slices outside the slab do nothing") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  const Token stale{client.slot, client.generation + 1};
  for (uint32_t op = 0; op < 16; ++op) {
    if (op != static_cast<uint32_t>(Op::kTimerArm)) rig.Submit(static_cast<Op>(op), stale, 1, 2);
  }
  rig.Submit(Op::kSend, client, 256 * 1'024 - 1, 2);
  rig.Submit(Op::kSend, client, UINT32_MAX, UINT32_MAX);
  rig.Submit(Op::kListenClose, client);
  rig.syscalls.ForgetCounts();
  CHECK(rig.Turn().empty());
  CHECK(rig.syscalls.Count(CallId::kSend) == 0);
  CHECK(rig.loop.network().FileDescriptor(stale) == -EBADF);
  CHECK(rig.loop.network().PendingBytes(stale) == -EBADF);
  CHECK(rig.loop.network().FileDescriptor(server) >= 0);
}

TEST_CASE("options and addresses reach the socket") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  Network& network = rig.loop.network();
  int value = 0;
  const int fd = network.FileDescriptor(client);
  REQUIRE(rig.syscalls.GetOption(fd, IPPROTO_TCP, TCP_NODELAY, &value) == 0);
  CHECK(value != 0);
  CHECK(network.SetOption(client, Network::SocketOption::kNoDelay, false, 0) == 0);
  REQUIRE(rig.syscalls.GetOption(fd, IPPROTO_TCP, TCP_NODELAY, &value) == 0);
  CHECK(value == 0);
  CHECK(network.SetOption(client, Network::SocketOption::kKeepAlive, true, 77) == 0);
  REQUIRE(rig.syscalls.GetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value) == 0);
  CHECK(value == 77);
  CHECK(network.SetOption(client, static_cast<Network::SocketOption>(9), true, 0) == -EINVAL);
  SocketAddress client_peer;
  SocketAddress server_own;
  REQUIRE(network.Address(client, true, &client_peer) == 0);
  REQUIRE(network.Address(server, false, &server_own) == 0);
  CHECK(client_peer.port() == server_own.port());
}

TEST_CASE("a paused listener leaves who connects in the backlog, until it is resumed") {
  LoopRig rig;
  const Token listener = rig.Listen();
  rig.Submit(Op::kListenPause, listener);
  rig.Submit(Op::kListenPause, listener);
  rig.Drain();
  rig.Connect(listener);
  rig.Await(Kind::kConnected);
  for (int turn = 0; turn < 20; ++turn) CHECK(rig.Turn().empty());
  CHECK(rig.loop.IsAlive());
  rig.Submit(Op::kListenResume, listener);
  rig.Submit(Op::kListenResume, listener);
  CHECK(rig.Await(Kind::kAccepted).slot == listener.slot);
}

TEST_CASE("a listener that cannot be resumed says so") {
  LoopRig rig;
  const Token listener = rig.Listen();
  rig.Submit(Op::kListenPause, listener);
  rig.Drain();
  rig.syscalls.Inject(CallId::kEpollControl, -ENOMEM);
  rig.Submit(Op::kListenResume, listener);
  const Entry failed = rig.Await(Kind::kAcceptFailed);
  CHECK(failed.slot == listener.slot);
  CHECK(failed.a == ENOMEM);
}

TEST_CASE("the peer of an accepted connection is known after it has gone") {
  LoopRig rig;
  const Token listener = rig.Listen();
  rig.Submit(Op::kListenPause, listener);
  rig.Drain();
  const Token client = rig.Connect(listener);
  rig.Await(Kind::kConnected);
  SocketAddress own;
  REQUIRE(rig.loop.network().Address(client, false, &own) == 0);
  const linger reset = {1, 0};
  ::setsockopt(rig.loop.network().FileDescriptor(client), SOL_SOCKET, SO_LINGER, &reset,
               sizeof reset);
  rig.Submit(Op::kAbort, client);
  rig.Submit(Op::kListenResume, listener);
  const Entry accepted = rig.Await(Kind::kAccepted);
  SocketAddress peer;
  REQUIRE(rig.loop.network().Address({accepted.a, accepted.b}, true, &peer) == 0);
  CHECK(peer.port() == own.port());
}

TEST_CASE("an accepted connection has its listener's address, unless that is every address") {
  LoopRig rig;
  Network& network = rig.loop.network();
  for (const char* ip : {"127.0.0.2", "0.0.0.0"}) {
    CAPTURE(ip);
    const bool is_any = std::string(ip) == "0.0.0.0";
    SocketAddress address;
    Token listener;
    REQUIRE(address.Parse(ip, 0) == 0);
    REQUIRE(network.Listen(address, {.backlog = 4}, &listener) == 0);
    REQUIRE(network.Address(listener, false, &address) == 0);
    const uint16_t port = address.port();
    REQUIRE(address.Parse("127.0.0.2", port) == 0);
    Token client;
    Operation failed;
    REQUIRE(network.Connect(address, nullptr, &client, &failed) == 0);
    const Entry accepted = rig.Await(Kind::kAccepted);
    rig.syscalls.ForgetCounts();
    SocketAddress own;
    REQUIRE(network.Address({accepted.a, accepted.b}, false, &own) == 0);
    CHECK(own.ip() == "127.0.0.2");
    CHECK(own.port() == port);
    CHECK(rig.syscalls.Count(CallId::kLocalName) == (is_any ? 1 : 0));
  }
}

TEST_CASE("the addresses of an accepted connection can be taken once without the system") {
  LoopRig rig;
  Network& network = rig.loop.network();
  const auto [client, server] = rig.MakePair();
  SocketAddress client_own;
  REQUIRE(network.Address(client, false, &client_own) == 0);
  for (const int asked : {0, 1}) {
    rig.syscalls.ForgetCounts();
    SocketAddress peer;
    SocketAddress own;
    REQUIRE(network.TakeAddresses(server, &peer, &own) == 0);
    CHECK(peer.port() == client_own.port());
    CHECK(own.ip() == "127.0.0.1");
    CHECK(rig.syscalls.Count(CallId::kLocalName) == asked);
  }
  rig.Submit(Op::kAbort, server);
  rig.Await(Kind::kClosed);
  SocketAddress gone;
  CHECK(network.TakeAddresses(server, &gone, &gone) == -EBADF);
}

TEST_CASE("a listener that cannot tell its address leaves that to its connections") {
  LoopRig rig;
  rig.syscalls.Inject(CallId::kLocalName, -ENOBUFS);
  const auto [client, server] = rig.MakePair();
  SocketAddress own;
  SocketAddress peer;
  REQUIRE(rig.loop.network().Address(server, false, &own) == 0);
  REQUIRE(rig.loop.network().Address(client, true, &peer) == 0);
  CHECK(own.ip() == peer.ip());
  CHECK(own.port() == peer.port());
}

TEST_CASE("Unix sockets connect, talk and have names") {
  LoopRig rig;
  SocketAddress path;
  const std::string name = std::string(1, '\0') + "gyre-network-test-" + std::to_string(::getpid());
  REQUIRE(path.SetPath(name) == 0);
  Token listener;
  REQUIRE(rig.loop.network().Listen(path, {.backlog = 4}, &listener) == 0);
  Token client;
  Operation failed;
  REQUIRE(rig.loop.network().Connect(path, nullptr, &client, &failed) == 0);
  const Entry accepted = rig.Await(Kind::kAccepted);
  const Token server = {accepted.a, accepted.b};
  SocketAddress found;
  REQUIRE(rig.loop.network().Address(client, true, &found) == 0);
  CHECK(found.path() == name);
  REQUIRE(rig.loop.network().Address(server, true, &found) == 0);
  CHECK(found.path().empty());
  rig.Submit(Op::kReadStart, server);
  rig.Send(client, "by path");
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "by path");
  REQUIRE(path.SetPath("/nowhere/at/all") == 0);
  REQUIRE(rig.loop.network().Connect(path, nullptr, &client, &failed) == 0);
  CHECK(rig.Await(Kind::kClosed).a == ENOENT);
}

// The network and the memory that it receives into.

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "loop_rig.h"

using namespace gyre;

TEST_CASE("when the slab is full all sockets still get their turn") {
  LoopRig rig(256, 8 * 1'024);
  std::vector<Token> readers;
  std::set<uint32_t> served;
  for (int i = 0; i < 12; ++i) {
    const auto [client, server] = rig.MakePair();
    std::vector<uint8_t> data(100'000, 'x');
    rig.loop.network().Write(client, data);
    rig.Submit(Op::kReadStart, server);
  }
  for (int turn = 0; turn < 30; ++turn) {
    for (const Entry& entry : rig.Turn()) {
      if (entry.code() == static_cast<uint32_t>(Kind::kRead)) served.insert(entry.slot);
    }
  }
  CHECK(served.size() == 12);
}

TEST_CASE("bytes that were not consumed yet are not overwritten") {
  LoopRig rig(256, ReceiveSlab::kReceiveBytesMax + 16 * 1'024);
  const auto [client, server] = rig.MakePair();
  rig.Submit(Op::kReadStart, server);
  std::string sent;
  for (int i = 0; i < 6; ++i) {
    const std::string part(100, static_cast<char>('a' + i));
    sent += part;
    rig.Send(client, part);
    rig.Drain();
    rig.Sleep(50);
    rig.loop.Poll(true);
  }
  std::string received;
  for (const Entry& entry : rig.Take()) {
    if (Is(entry, Kind::kRead, server)) received += rig.Bytes(entry);
  }
  CHECK(received == sent);
}

TEST_CASE("what was kept of the slab stays as it is, and when all is kept another is asked for") {
  constexpr size_t kSlabBytes = ReceiveSlab::kReceiveBytesMax + 1'000;
  LoopRig rig(256, kSlabBytes);
  std::vector<uint8_t> second_memory(kSlabBytes);
  const auto [client, server] = rig.MakePair();
  rig.Submit(Op::kReadStart, server);
  std::string sent;
  size_t kept = 0;
  for (char letter = 'a'; letter <= 'c'; ++letter) {
    rig.Send(client, std::string(400, letter));
    const Entry entry = rig.Await(Kind::kRead);
    REQUIRE(entry.b == 400);
    CHECK(entry.a >= kept);
    sent += rig.Bytes(entry);
    kept = entry.a + entry.b;
    rig.control[kReceiveKept] = static_cast<uint32_t>(kept);
  }
  CHECK(sent == std::string(400, 'a') + std::string(400, 'b') + std::string(400, 'c'));
  rig.Send(client, "more");
  for (int turn = 0; turn < 100 && !rig.loop.WantsReceiveSlab(); ++turn) CHECK(rig.Turn().empty());
  REQUIRE(rig.loop.WantsReceiveSlab());
  CHECK(std::string(rig.receive_memory.begin(), rig.receive_memory.begin() + 400) ==
        std::string(400, 'a'));
  rig.loop.network().SetReceiveSlab(second_memory);
  CHECK_FALSE(rig.loop.WantsReceiveSlab());
  CHECK(rig.control[kReceiveKept] == 0);
  const Entry entry = rig.Await(Kind::kRead);
  CHECK(entry.a == 0);
  CHECK(std::string(second_memory.begin(), second_memory.begin() + 4) == "more");
}

TEST_CASE("no other slab is asked for while an entry of the old one is unread") {
  LoopRig rig(256, ReceiveSlab::kReceiveBytesMax);
  const auto [client, server] = rig.MakePair();
  rig.Submit(Op::kReadStart, server);
  rig.Send(client, "first");
  while (rig.control[kReadyHead] == rig.control[kReadyTail]) {
    rig.Drain();
    rig.Sleep(50);
    rig.loop.Poll(true);
  }
  rig.control[kReceiveKept] = 5;
  rig.Send(client, "second");
  rig.Drain();
  rig.Sleep(50);
  rig.loop.Poll(true);
  CHECK_FALSE(rig.loop.WantsReceiveSlab());
  CHECK(rig.Take().size() == 1);
  rig.loop.Poll(true);
  CHECK(rig.loop.WantsReceiveSlab());
}

TEST_CASE("without a receive slab data waits, and the want is said") {
  LoopRig rig;
  const auto [client, server] = rig.MakePair();
  rig.loop.network().SetReceiveSlab({});
  rig.Submit(Op::kReadStart, server);
  rig.Send(client, "patience");
  for (int turn = 0; turn < 100 && !rig.loop.WantsReceiveSlab(); ++turn) CHECK(rig.Turn().empty());
  REQUIRE(rig.loop.WantsReceiveSlab());
  rig.loop.network().SetReceiveSlab(rig.receive_memory);
  CHECK_FALSE(rig.loop.WantsReceiveSlab());
  CHECK(rig.Bytes(rig.Await(Kind::kRead)) == "patience");
}

TEST_CASE("what a peer sent before it dropped the connection is read before writing finds out") {
  for (const size_t slab_bytes : {size_t{8'192}, ReceiveSlab::kBytes}) {
    CAPTURE(slab_bytes);
    LoopRig rig(256, slab_bytes);
    const auto [client, server] = rig.MakePair();
    const std::string answer(40'000, 'a');
    std::vector<uint8_t> request(8'000'000, 'r');
    rig.Submit(Op::kReadStart, client);
    REQUIRE(rig.loop.network().Write(client, request) > 0);
    rig.Turn();
    // With a part of the request unread, closing resets the connection.
    rig.Send(server, answer);
    rig.Submit(Op::kClose, server);
    std::string received;
    Entry closed{};
    for (int turn = 0; turn < 1'000 && !Is(closed, Kind::kClosed, client); ++turn) {
      for (const Entry& entry : rig.Turn()) {
        if (Is(entry, Kind::kRead, client)) received += rig.Bytes(entry);
        if (Is(entry, Kind::kClosed, client)) closed = entry;
      }
    }
    CHECK(received.size() == answer.size());
    CHECK(closed.a == ECONNRESET);
  }
}

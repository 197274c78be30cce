// Random conversations over many streams of one loop, in rings and slabs that are far too small,
// with interruptions and short writes, against the obvious model: what was sent to a stream
// arrives at the other end, in order, and then its end.

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "loop_rig.h"

using namespace gyre;

namespace {

struct Side {
  Token token;
  uint32_t peer;  // index of the other side
  std::string sent = {};
  std::string received = {};
  bool has_shut = false;
  bool has_seen_end = false;
  bool is_closed = false;
};

class Conversation {
 public:
  Conversation(LoopRig& rig, uint32_t seed, int pairs) : rig_(rig), random_(seed) {
    for (int i = 0; i < pairs; ++i) {
      const auto [client, server] = rig.MakePair();
      const auto first = static_cast<uint32_t>(sides_.size());
      sides_.push_back({.token = client, .peer = first + 1});
      sides_.push_back({.token = server, .peer = first});
      by_slot_[client.slot] = first;
      by_slot_[server.slot] = first + 1;
      rig.Submit(Op::kReadStart, client);
      rig.Submit(Op::kReadStart, server);
    }
  }

  void Step() {
    InjectSomething();
    Side& side = sides_[random_() % sides_.size()];
    const uint32_t choice = Random(16);
    if (choice < 8 && !side.has_shut) {
      Say(side, random_() % 4 == 0);
    } else if (choice == 8) {
      rig_.Submit(Op::kReadStop, side.token);
    } else if (choice < 11) {
      rig_.Submit(Op::kReadStart, side.token);
    } else if (choice == 11) {
      rig_.Submit(Op::kWatchDrain, side.token, Random(5'000));
    } else if (choice == 12 && random_() % 30 == 0 && !side.has_shut) {
      rig_.Submit(Op::kShutdown, side.token);
      side.has_shut = true;
    } else {
      Turn();
    }
  }

  // Ends what is still open, and waits until everything has arrived.
  void Finish() {
    for (Side& side : sides_) {
      rig_.Submit(Op::kReadStart, side.token);
      if (!side.has_shut) rig_.Submit(Op::kShutdown, side.token);
      side.has_shut = true;
    }
    const auto is_over = [](const Side& side) { return side.has_seen_end; };
    for (int turn = 0; turn < 100'000; ++turn) {
      if (std::all_of(sides_.begin(), sides_.end(), is_over)) break;
      Turn();
    }
    for (const Side& side : sides_) {
      REQUIRE(side.has_seen_end);
      REQUIRE((side.received == sides_[side.peer].sent));
      rig_.Submit(Op::kClose, side.token);
    }
    for (int turn = 0; turn < 1'000; ++turn) Turn();
    for (const Side& side : sides_) REQUIRE(side.is_closed);
    REQUIRE(rig_.loop.network().stream_count() == 0);
    REQUIRE_FALSE(rig_.loop.IsAlive());
  }

 private:
  uint32_t Random(uint32_t end) { return static_cast<uint32_t>(random_() % end); }

  void Say(Side& side, bool by_call) {
    std::string bytes((random_() % 20'000) >> (random_() % 14), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    side.sent += bytes;
    if (!by_call) {
      rig_.Send(side.token, bytes);
      return;
    }
    rig_.Drain();
    auto* data = reinterpret_cast<uint8_t*>(bytes.data());
    REQUIRE(rig_.loop.network().Write(side.token, {data, bytes.size()}) >= 0);
  }

  void InjectSomething() {
    rig_.syscalls.send_bytes_max = random_() % 3 == 0 ? random_() % 3'000 + 1 : SIZE_MAX;
    if (random_() % 20 != 0) return;
    constexpr CallId kCalls[] = {CallId::kReceive, CallId::kSend, CallId::kEpollPoll};
    rig_.syscalls.Inject(kCalls[random_() % 3], -EINTR);
    if (random_() % 2 == 0) rig_.syscalls.Inject(kCalls[random_() % 2], -EAGAIN);
  }

  void Turn() {
    rig_.Drain();
    // Sometimes polled twice before anything is consumed.
    for (uint32_t polls = 1 + Random(2); polls > 0; --polls) rig_.loop.Poll(true);
    for (const Entry& entry : rig_.Take()) Hear(entry);
  }

  void Hear(const Entry& entry) {
    Side& side = sides_[by_slot_.at(entry.slot)];
    REQUIRE(entry.token().generation == side.token.generation);
    REQUIRE_FALSE(side.is_closed);
    const Kind kind = static_cast<Kind>(entry.code());
    if (kind == Kind::kRead) {
      REQUIRE_FALSE(side.has_seen_end);
      side.received += rig_.Bytes(entry);
    } else if (kind == Kind::kEof) {
      REQUIRE_FALSE(side.has_seen_end);
      side.has_seen_end = true;
    } else if (kind == Kind::kClosed) {
      REQUIRE(entry.a == 0);
      side.is_closed = true;
    } else {
      REQUIRE((kind == Kind::kPending || kind == Kind::kDrained));
    }
  }

  LoopRig& rig_;
  std::mt19937 random_;
  std::vector<Side> sides_;
  std::map<uint32_t, uint32_t> by_slot_;
};

}  // namespace

TEST_CASE("random conversations arrive whole, in order, to their end") {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    LoopRig rig(seed % 2 == 0 ? 4 : 64, seed % 3 == 0 ? 8 * 1'024 : 64 * 1'024);
    Conversation conversation(rig, seed, seed % 4 == 0 ? 1 : 8);
    for (int step = 0; step < 6'000; ++step) conversation.Step();
    conversation.Finish();
  }
}

TEST_CASE("slots are reused, never early, and leave nothing behind over thousands of connections") {
  LoopRig rig(16);
  const Token listener = rig.Listen();
  std::map<uint32_t, uint32_t> open;  // slot to generation
  uint32_t slot_max = 0;
  for (int round = 0; round < 1'500; ++round) {
    const Token client = rig.Connect(listener);
    REQUIRE(open.emplace(client.slot, client.generation).second);
    slot_max = std::max(slot_max, client.slot);
    for (int closed = 0; closed < 2;) {
      for (const Entry& entry : rig.Turn()) {
        const Kind kind = static_cast<Kind>(entry.code());
        if (kind == Kind::kConnected) rig.Submit(Op::kClose, client);
        if (kind == Kind::kAccepted) {
          REQUIRE(open.emplace(entry.a, entry.b).second);
          rig.Submit(Op::kReadStart, {entry.a, entry.b});
        }
        if (kind == Kind::kEof) rig.Submit(Op::kClose, entry.token());
        if (kind == Kind::kClosed) {
          REQUIRE(open.at(entry.slot) == entry.token().generation);
          open.erase(entry.slot);
          ++closed;
        }
      }
    }
  }
  CHECK(open.empty());
  CHECK(slot_max < 10);
}

#include "loop.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "loop_rig.h"

using namespace gyre;

namespace {

std::vector<uint32_t> SlotsOf(const std::vector<Entry>& entries) {
  std::vector<uint32_t> slots;
  for (const Entry& entry : entries) slots.push_back(entry.slot);
  return slots;
}

using Slots = std::vector<uint32_t>;

}  // namespace

TEST_CASE("timers come when their time has come, on the loop's own clock") {
  LoopRig rig(16, 8'192, {.clock_origin_ns = 1'000'000});
  rig.syscalls.now_ns = 1'000'000;
  rig.Arm({0, 1}, 500);
  rig.Arm({1, 1}, 300);
  rig.Arm({2, 1}, 300);
  CHECK(rig.Turn().empty());
  CHECK(rig.loop.IsAlive());
  rig.syscalls.now_ns = 1'000'299;
  CHECK(rig.Turn().empty());
  rig.syscalls.now_ns = 1'000'300;
  CHECK(SlotsOf(rig.Turn()) == Slots{1, 2});
  rig.Submit(Op::kTimerCancel, {0, 1});
  rig.syscalls.now_ns = 2'000'000;
  CHECK(rig.Turn().empty());
  CHECK_FALSE(rig.loop.IsAlive());
}

TEST_CASE("odd deadlines are due at once, at the end of time, or never early") {
  LoopRig rig(16, 8'192);
  rig.syscalls.now_ns = 1'000;
  rig.Arm({0, 1}, -5);
  rig.Arm({1, 1}, __builtin_nan(""));
  rig.Arm({2, 1}, 1e300);
  rig.Arm({3, 1}, 1'000.5);
  rig.Arm({UINT32_MAX, 1}, 1);
  CHECK(SlotsOf(rig.Turn()) == Slots{0, 1});
  rig.syscalls.now_ns = 1'001;
  CHECK(SlotsOf(rig.Turn()) == Slots{3});
  CHECK(rig.loop.timer_count() == 1);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
}

TEST_CASE("timers that do not fit into the ready ring come later, in order") {
  LoopRig rig(4);
  rig.syscalls.now_ns = 1'000;
  for (uint32_t slot = 0; slot < 10; ++slot) rig.Arm({slot, 1}, 900 - slot);
  Slots all;
  for (int turn = 0; turn < 3; ++turn) {
    const Slots slots = SlotsOf(rig.Turn());
    CHECK(slots.size() <= 4);
    all.insert(all.end(), slots.begin(), slots.end());
  }
  CHECK(all == Slots{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
}

TEST_CASE("the poller's timer is set only when it would go off too late") {
  LoopRig rig;
  rig.syscalls.now_ns = 1'000'000;
  const auto sets = [&] { return rig.syscalls.Count(CallId::kTimerSet); };
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  CHECK(sets() == 0);
  rig.Arm({0, 1}, 5'000'000);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  CHECK(sets() == 1);
  rig.Arm({1, 1}, 6'000'000);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  rig.Submit(Op::kTimerCancel, {0, 1});
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  CHECK(sets() == 1);
  rig.Arm({2, 1}, 4'000'000);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  CHECK(sets() == 2);
  rig.syscalls.now_ns = 4'000'000;
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kGoOn);
  CHECK(SlotsOf(rig.Turn()) == Slots{2});
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  CHECK(sets() == 3);
}

TEST_CASE("without descriptors for a poller the loop goes round and keeps time") {
  LoopRig rig;
  rig.syscalls.Inject(CallId::kEpollCreate, -EMFILE, 2);
  rig.syscalls.now_ns = 0;
  rig.Arm({0, 1}, 100);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kGoOn);
  CHECK(rig.Turn().empty());
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kGoOn);
  rig.syscalls.now_ns = 100;
  CHECK(SlotsOf(rig.Turn()) == Slots{0});
  Token token;
  SocketAddress address;
  REQUIRE(address.Parse("127.0.0.1", 0) == 0);
  rig.syscalls.Inject(CallId::kEpollCreate, -EMFILE);
  CHECK(rig.loop.network().Listen(address, {}, &token) == -EMFILE);
}

TEST_CASE("real timers wake the sleeper, and never early") {
  const int64_t origin_ns = Syscalls().MonotonicNow();
  LoopRig rig(16, 8'192, {.clock_origin_ns = origin_ns});
  int64_t late_ns_min = INT64_MAX;
  for (uint32_t round = 0; round < 20; ++round) {
    const int64_t deadline_ns = rig.loop.MonotonicNow() - origin_ns + 300'000;
    rig.Arm({0, round + 1}, static_cast<double>(deadline_ns));
    CHECK(rig.Await(Kind::kTimer).token().generation == round + 1);
    const int64_t late_ns = rig.loop.MonotonicNow() - origin_ns - deadline_ns;
    CHECK(late_ns >= 0);
    late_ns_min = std::min(late_ns_min, late_ns);
  }
  // A busy machine may be late now and then, but not every time.
  CHECK(late_ns_min < 5'000'000);
}

TEST_CASE("virtual time jumps from deadline to deadline") {
  LoopRig rig(16, 8'192, {.is_virtual = true});
  CHECK(rig.loop.Advance() == -1);
  for (uint32_t slot = 0; slot < 12; ++slot) {
    rig.Arm({slot, 1}, slot % 2 == 0 ? 5e9 : 1e15 + static_cast<double>(slot));
  }
  CHECK(rig.Turn().empty());
  CHECK_FALSE(rig.loop.IsAlive());
  CHECK(rig.loop.Advance() == 5'000'000'000);
  CHECK(SlotsOf(rig.Take()) == Slots{0, 2, 4, 6, 8, 10});
  for (uint32_t slot = 1; slot < 12; slot += 2) {
    CHECK(rig.loop.Advance() == 1'000'000'000'000'000 + slot);
    CHECK(SlotsOf(rig.Take()) == Slots{slot});
  }
  rig.Arm({0, 1}, 7);
  rig.Arm({1, 1}, 3);
  CHECK(rig.loop.Advance() == 1'000'000'000'000'011);
  CHECK(SlotsOf(rig.Take()) == Slots{1, 0});
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
}

TEST_CASE("what is overdue on a virtual clock comes without an advance") {
  LoopRig rig(16, 8'192, {.is_virtual = true});
  rig.Arm({0, 1}, 100);
  rig.Arm({1, 1}, 200);
  CHECK(rig.loop.Advance() == 100);
  CHECK(SlotsOf(rig.Take()) == Slots{0});
  rig.Arm({2, 1}, 100);
  rig.Arm({3, 1}, 50);
  CHECK(SlotsOf(rig.Turn()) == Slots{3, 2});
  CHECK(rig.loop.timer_count() == 1);
}

TEST_CASE("virtual time stands still until all timers of a deadline found room") {
  LoopRig rig(2, 8'192, {.is_virtual = true});
  for (uint32_t slot = 0; slot < 5; ++slot) rig.Arm({slot, 1}, 100);
  rig.Arm({9, 1}, 200);
  CHECK(rig.loop.Advance() == 100);
  CHECK(rig.loop.Advance() == 100);
  CHECK(SlotsOf(rig.Take()) == Slots{0, 1});
  CHECK(rig.loop.Advance() == 100);
  CHECK(SlotsOf(rig.Take()) == Slots{2, 3});
  CHECK(rig.loop.Advance() == 100);
  CHECK(SlotsOf(rig.Take()) == Slots{4});
  CHECK(rig.loop.Advance() == 200);
}

TEST_CASE("a loop is not put to sleep with something left to say") {
  LoopRig rig(2);
  const auto [client, server] = rig.MakePair();
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
  rig.Submit(Op::kAbort, client);
  rig.Submit(Op::kAbort, server);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kGoOn);
  CHECK(rig.Take().size() == 2);
  CHECK(rig.loop.PrepareToWait() == Loop::Rest::kSleep);
}

TEST_CASE("closing closes every descriptor, and is done once") {
  LoopRig rig;
  rig.MakePair();
  rig.Listen();
  rig.syscalls.ForgetCounts();
  rig.loop.Close();
  CHECK(rig.syscalls.Count(CallId::kClose) == 5);
  CHECK_FALSE(rig.loop.IsAlive());
  rig.loop.Close();
  CHECK(rig.syscalls.Count(CallId::kClose) == 5);
}

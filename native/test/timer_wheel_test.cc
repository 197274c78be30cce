#include "timer_wheel.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

using gyre::TimerWheel;
using gyre::Token;

namespace {

std::vector<uint32_t> Fire(TimerWheel& wheel, uint64_t now) {
  std::vector<uint32_t> slots;
  wheel.Advance(now, [&](Token timer) {
    slots.push_back(timer.slot);
    return true;
  });
  return slots;
}

using Slots = std::vector<uint32_t>;

}  // namespace

TEST_CASE("timers fire in deadline order") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, 5'000'000);
  wheel.Arm({1, 1}, 1'000);
  wheel.Arm({2, 1}, 70'000'000'000);
  CHECK(Fire(wheel, 999).empty());
  CHECK(Fire(wheel, 1'000) == Slots{1});
  CHECK(Fire(wheel, 80'000'000'000) == Slots{0, 2});
  CHECK(wheel.size() == 0);
}

TEST_CASE("equal deadlines fire in arming order, whenever they were armed") {
  TimerWheel wheel;
  wheel.Arm({3, 1}, 1'000'000);
  Fire(wheel, 999'000);
  wheel.Arm({1, 1}, 1'000'000);
  Fire(wheel, 999'990);
  wheel.Arm({2, 1}, 1'000'000);
  CHECK(Fire(wheel, 5'000'000) == Slots{3, 1, 2});
}

TEST_CASE("overdue timers fire by deadline among all that are due") {
  TimerWheel wheel;
  Fire(wheel, 1'000);
  wheel.Arm({0, 1}, 900);
  wheel.Arm({1, 1}, 800);
  wheel.Arm({2, 1}, 1'000);
  wheel.Arm({3, 1}, 1'001);
  wheel.Arm({4, 1}, 800);
  CHECK(wheel.NextBound() == 1'000);
  CHECK(Fire(wheel, 1'001) == Slots{1, 4, 0, 2, 3});
}

TEST_CASE("an interrupted batch resumes in order, with what was armed meanwhile in its place") {
  TimerWheel wheel;
  for (uint32_t slot = 0; slot < 4; ++slot) wheel.Arm({slot, 1}, 100 * (slot + 1));
  bool has_room = true;
  CHECK(wheel.Advance(1'000, [&](Token) { return std::exchange(has_room, false); }) == 1);
  CHECK(wheel.size() == 3);
  wheel.Arm({10, 1}, 250);
  wheel.Arm({11, 1}, 200);
  wheel.Arm({12, 1}, 50);
  CHECK(Fire(wheel, 1'000) == Slots{12, 1, 11, 10, 2, 3});
}

TEST_CASE("a cancelled timer does not fire, and a stale cancel does nothing") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, 100);
  wheel.Arm({1, 1}, 100);
  wheel.Cancel({0, 1});
  wheel.Cancel({0, 1});
  wheel.Cancel({1, 2});
  wheel.Cancel({7'000, 1});
  CHECK(wheel.size() == 1);
  CHECK(Fire(wheel, 100) == Slots{1});
  wheel.Cancel({1, 1});
  CHECK(wheel.size() == 0);
}

TEST_CASE("a due timer can still be cancelled before it has fired") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, 100);
  wheel.Arm({1, 1}, 100);
  wheel.Advance(100, [](Token) { return false; });
  wheel.Cancel({0, 1});
  CHECK(Fire(wheel, 100) == Slots{1});
}

TEST_CASE("arming an armed slot again replaces it") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, 100);
  wheel.Arm({0, 2}, 200);
  CHECK(wheel.size() == 1);
  wheel.Cancel({0, 1});
  CHECK(Fire(wheel, 150).empty());
  CHECK(Fire(wheel, 200) == Slots{0});
}

TEST_CASE("the bound is exact for few timers and never late for many") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, 3'600'000'000'007);
  CHECK(wheel.NextBound() == 3'600'000'000'007);
  for (uint32_t slot = 1; slot < 40; ++slot) wheel.Arm({slot, 1}, 3'600'000'000'000 + slot * 1'000);
  CHECK(wheel.NextBound() <= 3'600'000'000'007);
  CHECK(wheel.NextBound() > 0);
}

TEST_CASE("deadlines at the far end of time are kept apart") {
  TimerWheel wheel;
  wheel.Arm({0, 1}, UINT64_MAX);
  wheel.Arm({1, 1}, UINT64_MAX - 1);
  CHECK(wheel.NextBound() == UINT64_MAX - 1);
  CHECK(Fire(wheel, UINT64_MAX - 2).empty());
  CHECK(Fire(wheel, UINT64_MAX) == Slots{1, 0});
}

namespace {

// The obvious model: a multimap keeps equal keys in the order of insertion.
struct Model {
  using Map = std::multimap<uint64_t, Token>;
  Map armed;
  std::map<uint32_t, Map::iterator> by_slot;

  void Cancel(uint32_t slot) {
    const auto found = by_slot.find(slot);
    if (found == by_slot.end()) return;
    armed.erase(found->second);
    by_slot.erase(found);
  }
  void Arm(Token timer, uint64_t deadline) {
    Cancel(timer.slot);
    by_slot[timer.slot] = armed.emplace(deadline, timer);
  }
};

// Distances of all sizes, with many ties, and sometimes the past.
uint64_t RandomDeadline(std::mt19937_64& random, uint64_t now) {
  if (random() % 16 == 0) return now - random() % (now + 1) % 1'000;
  const uint64_t distance = random() >> (random() % 64);
  const uint64_t grain = uint64_t{1} << (random() % 20);
  return (now + distance % 200'000'000'000) / grain * grain;
}

}  // namespace

TEST_CASE("three million random operations agree with a multimap") {
  std::mt19937_64 random(20'240'101);
  for (int run = 0; run < 30; ++run) {
    TimerWheel wheel;
    Model model;
    uint64_t now = random() % 1'000'000;
    uint32_t generation = 1;
    const uint32_t slots = run % 3 == 0 ? 20 : 2'000;
    for (int step = 0; step < 100'000; ++step) {
      const auto slot = static_cast<uint32_t>(random() % slots);
      const uint64_t choice = random() % 10;
      if (choice < 6) {
        const Token timer{slot, generation = (generation + 1) & gyre::kGenerationMask};
        const uint64_t deadline = RandomDeadline(random, now);
        wheel.Arm(timer, deadline);
        model.Arm(timer, deadline);
      } else if (choice < 8) {
        const auto found = model.by_slot.find(slot);
        wheel.Cancel(found != model.by_slot.end() ? found->second->second : Token{slot, 1});
        model.Cancel(slot);
      } else {
        // Small steps, leaps, and now and then no more room than for a few.
        now += (random() >> (random() % 64)) % 50'000'000'000;
        uint64_t room = random() % 4 == 0 ? random() % 8 : UINT64_MAX;
        bool agrees = true;
        wheel.Advance(now, [&](Token timer) {
          if (room == 0) return false;
          --room;
          const auto first = model.armed.begin();
          agrees = agrees && first != model.armed.end() && first->first <= now &&
                   first->second.slot == timer.slot && first->second.generation == timer.generation;
          if (agrees) model.Cancel(timer.slot);
          return true;
        });
        REQUIRE(agrees);
        if (room > 0) REQUIRE((model.armed.empty() || model.armed.begin()->first > now));
      }
      REQUIRE(wheel.size() == model.armed.size());
      if (wheel.size() > 0) {
        const uint64_t first = model.armed.begin()->first;
        if (first > wheel.now()) {
          REQUIRE(wheel.NextBound() <= first);
          REQUIRE(wheel.NextBound() > wheel.now());
        } else {
          REQUIRE(wheel.NextBound() == wheel.now());
        }
      }
    }
  }
}

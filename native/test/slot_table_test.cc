#include "slot_table.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

using namespace gyre;

namespace {
struct Table {
  std::vector<uint32_t> control = std::vector<uint32_t>(kControlWords);
  std::vector<Entry> memory = std::vector<Entry>(8);
  ReadyRing ready{control.data()};
  SlotTable<int> slots;
  Table() { ready.Attach(memory.data(), 8); }
};
}  // namespace

TEST_CASE("a token is stale once its slot is retired") {
  Table table;
  const Token first = table.slots.Acquire(table.ready);
  CHECK(first.generation != 0);
  *table.slots.Find(first) = 42;
  CHECK(*table.slots.Find(first) == 42);
  table.slots.Retire(first.slot, table.ready.tail());
  CHECK(table.slots.Find(first) == nullptr);
  const Token second = table.slots.Acquire(table.ready);
  CHECK(second.slot == first.slot);
  CHECK(second.generation != first.generation);
  CHECK(table.slots.Find({1'000, 1}) == nullptr);
}

TEST_CASE("a slot is not used again before its last entry has been consumed") {
  Table table;
  const Token first = table.slots.Acquire(table.ready);
  table.ready.Append(Kind::kClosed, first);
  table.slots.Retire(first.slot, table.ready.tail());
  CHECK(table.slots.Acquire(table.ready).slot != first.slot);
  table.control[kReadyHead] = table.control[kReadyTail];
  CHECK(table.slots.Acquire(table.ready).slot == first.slot);
}

TEST_CASE("generations wrap around within 24 bits and leave out 0") {
  Table table;
  Token token = table.slots.Acquire(table.ready);
  uint32_t lowest = UINT32_MAX;
  uint32_t highest = 0;
  for (uint32_t i = 0; i <= kGenerationMask + 2; ++i) {
    table.slots.Retire(token.slot, table.ready.tail());
    token = table.slots.Acquire(table.ready);
    lowest = std::min(lowest, token.generation);
    highest = std::max(highest, token.generation);
  }
  CHECK(token.slot == 0);
  CHECK(lowest == 1);
  CHECK(highest == kGenerationMask);
}

TEST_CASE("objects do not move when the table grows") {
  Table table;
  const Token first = table.slots.Acquire(table.ready);
  int* const where = table.slots.Find(first);
  std::set<uint32_t> slots = {first.slot};
  for (int i = 0; i < 1'000; ++i) slots.insert(table.slots.Acquire(table.ready).slot);
  CHECK(slots.size() == 1'001);
  CHECK(table.slots.Find(first) == where);
  int seen = 0;
  table.slots.ForEach([&](int&) { ++seen; });
  CHECK(seen == 1'001);
}

#include "slab.h"

#include <doctest/doctest.h>

#include <vector>

using gyre::ReceiveSlab;
using gyre::SendSlab;

TEST_CASE("a receive slab offers a whole receive, or nothing") {
  std::vector<uint8_t> memory(ReceiveSlab::kReceiveBytesMax + 48 * 1024);
  ReceiveSlab slab;
  CHECK_FALSE(slab.attached());
  CHECK(slab.Next().empty());
  slab.Attach(memory);
  CHECK(slab.Next().size() == ReceiveSlab::kReceiveBytesMax);
  slab.Advance(48 * 1024);
  CHECK(slab.Next().size() == ReceiveSlab::kReceiveBytesMax);
  CHECK(slab.Next().data() == memory.data() + 48 * 1024);
  slab.Advance(1);
  CHECK(slab.Next().empty());
  CHECK_FALSE(slab.IsSpent());
  slab.Rewind(0);
  CHECK(slab.cursor() == 0);
  CHECK(slab.Next().data() == memory.data());
}

TEST_CASE("a receive slab that is smaller than a receive offers all of itself, once") {
  std::vector<uint8_t> memory(4 * 1024 + 3);
  ReceiveSlab slab;
  slab.Attach(memory);
  CHECK(slab.Next().size() == memory.size());
  slab.Advance(1);
  CHECK(slab.cursor() == 16);
  CHECK(slab.Next().empty());
  slab.Rewind(0);
  slab.Advance(memory.size());
  CHECK(slab.cursor() == memory.size());
}

TEST_CASE("a receive slab ends a batch that has brought enough, wherever it began") {
  std::vector<uint8_t> memory(ReceiveSlab::kBytes);
  ReceiveSlab slab;
  slab.Attach(memory);
  for (const size_t kept : {size_t{0}, size_t{100'000}}) {
    slab.Rewind(kept);
    slab.Advance(ReceiveSlab::kBatchBytes - 16);
    CHECK_FALSE(slab.Next().empty());
    slab.Advance(1);
    CHECK(slab.Next().empty());
  }
}

TEST_CASE("what was kept of a receive slab is not offered again, until too much is") {
  std::vector<uint8_t> memory(ReceiveSlab::kReceiveBytesMax + 100);
  ReceiveSlab slab;
  slab.Attach(memory);
  slab.Advance(33);
  slab.Rewind(33);
  CHECK(slab.cursor() == 48);
  CHECK(slab.Next().data() == memory.data() + 48);
  CHECK_FALSE(slab.IsSpent());
  slab.Advance(40);
  slab.Rewind(101);
  CHECK(slab.Next().empty());
  CHECK(slab.IsSpent());
  slab.Rewind(UINT32_MAX);
  CHECK(slab.cursor() == memory.size());
  CHECK(slab.IsSpent());
  slab.Attach(memory);
  CHECK_FALSE(slab.IsSpent());
}

TEST_CASE("a send slab refuses slices that do not lie within it") {
  std::vector<uint8_t> memory(100);
  SendSlab slab;
  CHECK(slab.Slice(0, 1).empty());
  slab.Attach(memory);
  CHECK(slab.Slice(0, 100).size() == 100);
  CHECK(slab.Slice(99, 1).size() == 1);
  CHECK(slab.Slice(99, 2).empty());
  CHECK(slab.Slice(101, 0).empty());
  CHECK(slab.Slice(UINT32_MAX, UINT32_MAX).empty());
}

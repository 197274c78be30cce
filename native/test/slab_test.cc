#include "slab.h"

#include <doctest/doctest.h>

#include <vector>

using gyre::ReceiveSlab;
using gyre::SendSlab;

TEST_CASE("a receive slab offers at most 128 KiB and nothing below 4 KiB") {
  std::vector<uint8_t> memory(164 * 1024);
  ReceiveSlab slab;
  CHECK_FALSE(slab.attached());
  CHECK(slab.Next().empty());
  slab.Attach(memory);
  CHECK(slab.Next().size() == 128 * 1024);
  slab.Keep(128 * 1024);
  CHECK(slab.Next().size() == 36 * 1024);
  slab.Keep(33 * 1024);
  CHECK(slab.Next().empty());
  slab.Rewind();
  CHECK(slab.cursor() == 0);
  CHECK(slab.Next().data() == memory.data());
}

TEST_CASE("what is kept in a receive slab stays aligned and within bounds") {
  std::vector<uint8_t> memory(4 * 1024 + 3);
  ReceiveSlab slab;
  slab.Attach(memory);
  slab.Keep(1);
  CHECK(slab.cursor() == 16);
  slab.Rewind();
  slab.Keep(memory.size());
  CHECK(slab.cursor() == memory.size());
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

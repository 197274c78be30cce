#include <doctest/doctest.h>

#include <vector>

#include "ready_ring.h"
#include "submission_ring.h"

using namespace gyre;

TEST_CASE("a full ready ring refuses and loses nothing") {
  std::vector<uint32_t> control(kControlWords);
  std::vector<Entry> memory(4);
  ReadyRing ring(control.data());
  ring.Attach(memory.data(), 4);
  for (uint32_t slot = 0; slot < 4; ++slot) CHECK(ring.Append(Kind::kTimer, {slot, 9}));
  CHECK_FALSE(ring.Append(Kind::kTimer, {4, 9}));
  CHECK(ring.room() == 0);
  CHECK(memory[3].slot == 3);
  CHECK(memory[3].code() == static_cast<uint32_t>(Kind::kTimer));
  CHECK(memory[3].token().generation == 9);
  control[kReadyHead] = 1;
  CHECK(ring.Append(Kind::kTimer, {4, 9}));
  CHECK(memory[0].slot == 4);
}

TEST_CASE("the ready ring's counters run through 2^32") {
  std::vector<uint32_t> control(kControlWords);
  std::vector<Entry> memory(4);
  control[kReadyHead] = control[kReadyTail] = UINT32_MAX - 1;
  ReadyRing ring(control.data());
  ring.Attach(memory.data(), 4);
  for (uint32_t slot = 0; slot < 4; ++slot) CHECK(ring.Append(Kind::kRead, {slot, 1}));
  CHECK(ring.size() == 4);
  CHECK_FALSE(ring.HasConsumed(ring.tail()));
  control[kReadyHead] = control[kReadyTail];
  CHECK(ring.HasConsumed(ring.tail()));
  CHECK(ring.empty());
}

TEST_CASE("a ready ring goes on in other memory") {
  std::vector<uint32_t> control(kControlWords);
  std::vector<Entry> small(2);
  std::vector<Entry> large(8);
  ReadyRing ring(control.data());
  ring.Attach(small.data(), 2);
  ring.Append(Kind::kEof, {1, 1});
  ring.Append(Kind::kEof, {2, 1});
  large[0] = small[0];
  large[1] = small[1];
  ring.Attach(large.data(), 8);
  CHECK(ring.Append(Kind::kEof, {3, 1}));
  CHECK(large[2].slot == 3);
  CHECK(ring.size() == 3);
}

TEST_CASE("submissions are taken in order, and a deadline is a double across both operands") {
  std::vector<uint32_t> control(kControlWords);
  std::vector<Entry> memory(2);
  SubmissionRing ring(control.data(), memory.data(), 2);
  CHECK(ring.empty());
  const double deadline = 9'007'199'254'740'991.0;
  memory[0] = {static_cast<uint32_t>(Op::kTimerArm) | 0xabcdefu << 8, 5, 0, 0};
  std::memcpy(&memory[0].a, &deadline, sizeof deadline);
  control[kSubmitTail] = 1;
  const Entry entry = ring.Take();
  CHECK(entry.deadline() == deadline);
  CHECK(entry.token().generation == 0xabcdef);
  CHECK(ring.empty());
}

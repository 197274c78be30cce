// Hierarchical timer wheel over 64-bit ticks. Arm and Cancel are O(1) and never allocate, but for
// the storage of a slot number that was not used before.
// A deadline sits on the level of the highest 6-bit group in which it differs from now, in the
// slot that this group numbers. So equal deadlines share a slot in arming order, everything on a
// lower level is due before anything on a higher one, and of a level only the slot that holds the
// new time has to be looked into when time moves:
//
//   level   0        1         2          3         4        5         10
//   covers  64 ns    4 us      262 us     17 ms     1.1 s    69 s      585 years
//
// Invariants: 1. A node is on exactly one list while armed, on none otherwise.
//             2. Bit s of occupied_[l] is set iff the list of slot s on level l is non-empty.
//             3. Every node in a slot has a deadline after now(), every other one not.
//             4. The due list is sorted by (deadline, arming); the late list is in arming order
//                and every node on it was armed after every due one of the same deadline.
// Knows nothing of clocks, rings or callbacks. Single-threaded.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "layout.h"

namespace gyre {

class TimerWheel {
 public:
  // More than fits into memory as JavaScript objects: a larger number is a broken caller.
  static constexpr uint32_t kSlotsMax = 1u << 26;

  TimerWheel();

  // Arms the timer in its slot, in place of whatever was armed there. A deadline that is not
  // after now() fires at the next Advance, in its place among all that are due then.
  // REQUIRES: timer.slot < kSlotsMax.
  void Arm(Token timer, uint64_t deadline);

  // Does nothing for a stale token or a timer that is not armed.
  void Cancel(Token timer);

  // Moves time to `now` (never back) and calls `sink(token)` for what is due, by deadline and then
  // by arming. When sink returns false that timer and those behind it stay due, for the next call.
  // Returns how many fired. The sink neither arms nor cancels.
  template <class Sink>
  uint32_t Advance(uint64_t now, Sink&& sink) {
    Collect(now);
    uint32_t fired = 0;
    while (heads_[kDue] != kNil) {
      const uint32_t index = heads_[kDue];
      if (!sink(Token{index, At(index).generation})) break;
      Unlink(index);
      ++fired;
    }
    size_ -= fired;
    return fired;
  }

  // A time no later than the next expiry: exact where the first slot holds few timers, so that a
  // lone timer far away causes no wake-up but its own. now() if something is due already.
  // REQUIRES: size() > 0.
  uint64_t NextBound() const;

  uint64_t now() const { return now_; }
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kNil = UINT32_MAX;
  static constexpr int kBitsPerLevel = 6;
  static constexpr int kLevels = 11;
  static constexpr uint16_t kSlotLists = kLevels << kBitsPerLevel;
  static constexpr uint16_t kDue = kSlotLists;
  static constexpr uint16_t kLate = kSlotLists + 1;
  static constexpr uint16_t kLists = kSlotLists + 2;
  static constexpr uint16_t kNoList = UINT16_MAX;
  static constexpr uint32_t kChunkBits = 8;
  static constexpr int kExactNodesMax = 8;

  // Lists are circular: the first node's `previous` is the last.
  struct Node {
    uint64_t deadline;
    uint32_t previous;
    uint32_t next;
    uint32_t generation;
    uint16_t list = kNoList;
  };
  static_assert(sizeof(Node) <= 32);

  // A chain is a list taken off its head: linked by `next` alone and ended by kNil.
  struct Chain {
    uint32_t first;
  };

  Node& At(uint32_t index) { return chunks_[index >> kChunkBits][index & kChunkMask]; }
  const Node& At(uint32_t index) const { return chunks_[index >> kChunkBits][index & kChunkMask]; }
  static constexpr uint32_t kChunkMask = (1u << kChunkBits) - 1;

  static int LevelOf(uint64_t difference);
  static int SlotOf(uint64_t ticks, int level) {
    return static_cast<int>(ticks >> (level * kBitsPerLevel) & 63);
  }
  uint16_t ListFor(uint64_t deadline) const;

  void Append(uint16_t list, uint32_t index);
  void Unlink(uint32_t index);
  Chain Detach(uint16_t list);
  void AppendChain(uint16_t list, Chain chain);
  Chain Merge(Chain earlier, Chain later);
  Chain Sort(Chain chain);

  void Collect(uint64_t now);
  void CollectLate();
  void CollectSlots(int level, uint64_t slots);
  void SplitSlot(uint16_t list);

  uint64_t now_ = 0;
  uint32_t size_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<uint32_t, kLists> heads_;
  std::vector<std::unique_ptr<Node[]>> chunks_;
};

}  // namespace gyre

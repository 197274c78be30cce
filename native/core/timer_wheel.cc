#include "timer_wheel.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace gyre {

TimerWheel::TimerWheel() { heads_.fill(kNil); }

void TimerWheel::Arm(Token timer, uint64_t deadline) {
  assert(timer.slot < kSlotsMax);
  const uint32_t chunk = timer.slot >> kChunkBits;
  if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
  if (chunks_[chunk] == nullptr) chunks_[chunk] = std::make_unique<Node[]>(1u << kChunkBits);

  Node& node = At(timer.slot);
  if (node.list != kNoList) {
    Unlink(timer.slot);
    --size_;
  }
  node.deadline = deadline;
  node.generation = timer.generation;
  Append(ListFor(deadline), timer.slot);
  ++size_;
}

void TimerWheel::Cancel(Token timer) {
  const uint32_t chunk = timer.slot >> kChunkBits;
  if (chunk >= chunks_.size() || chunks_[chunk] == nullptr) return;
  const Node& node = At(timer.slot);
  if (node.list == kNoList || node.generation != timer.generation) return;
  Unlink(timer.slot);
  --size_;
}

uint64_t TimerWheel::NextBound() const {
  assert(size_ > 0);
  if (heads_[kDue] != kNil || heads_[kLate] != kNil) return now_;

  int level = 0;
  while (occupied_[level] == 0) ++level;
  const int slot = std::countr_zero(occupied_[level]);
  const int shift = level * kBitsPerLevel;

  const uint32_t first = heads_[level << kBitsPerLevel | slot];
  uint64_t earliest = At(first).deadline;
  uint32_t index = At(first).next;
  for (int seen = 1; index != first; index = At(index).next, ++seen) {
    if (seen == kExactNodesMax) {
      // Too many to look at: where the slot begins will do, and is kept from lying in the past by
      // invariant 3, as its number differs from that of now_.
      const uint64_t above = shift + kBitsPerLevel >= 64 ? 0 : now_ >> (shift + kBitsPerLevel);
      return (above << kBitsPerLevel | static_cast<uint64_t>(slot)) << shift;
    }
    earliest = std::min(earliest, At(index).deadline);
  }
  return earliest;
}

int TimerWheel::LevelOf(uint64_t difference) {
  return (63 - std::countl_zero(difference)) / kBitsPerLevel;
}

uint16_t TimerWheel::ListFor(uint64_t deadline) const {
  if (deadline <= now_) return kLate;
  const int level = LevelOf(deadline ^ now_);
  return static_cast<uint16_t>(level << kBitsPerLevel | SlotOf(deadline, level));
}

void TimerWheel::Append(uint16_t list, uint32_t index) {
  Node& node = At(index);
  node.list = list;
  if (heads_[list] == kNil) {
    node.previous = node.next = index;
    heads_[list] = index;
    if (list < kSlotLists) occupied_[list >> kBitsPerLevel] |= uint64_t{1} << (list & 63);
    return;
  }
  Node& first = At(heads_[list]);
  node.previous = first.previous;
  node.next = heads_[list];
  At(first.previous).next = index;
  first.previous = index;
}

void TimerWheel::Unlink(uint32_t index) {
  Node& node = At(index);
  const uint16_t list = node.list;
  node.list = kNoList;
  if (node.next == index) {
    heads_[list] = kNil;
    if (list < kSlotLists) occupied_[list >> kBitsPerLevel] &= ~(uint64_t{1} << (list & 63));
    return;
  }
  At(node.previous).next = node.next;
  At(node.next).previous = node.previous;
  if (heads_[list] == index) heads_[list] = node.next;
}

TimerWheel::Chain TimerWheel::Detach(uint16_t list) {
  const uint32_t first = heads_[list];
  if (first == kNil) return {kNil};
  At(At(first).previous).next = kNil;
  heads_[list] = kNil;
  if (list < kSlotLists) occupied_[list >> kBitsPerLevel] &= ~(uint64_t{1} << (list & 63));
  return {first};
}

void TimerWheel::AppendChain(uint16_t list, Chain chain) {
  for (uint32_t index = chain.first; index != kNil;) {
    const uint32_t next = At(index).next;
    Append(list, index);
    index = next;
  }
}

// Stable: of two equal deadlines the one of `earlier` goes first.
TimerWheel::Chain TimerWheel::Merge(Chain earlier, Chain later) {
  uint32_t first = kNil;
  uint32_t* link = &first;
  uint32_t left = earlier.first;
  uint32_t right = later.first;
  while (left != kNil && right != kNil) {
    uint32_t& taken = At(right).deadline < At(left).deadline ? right : left;
    *link = taken;
    link = &At(taken).next;
    taken = *link;
  }
  *link = left != kNil ? left : right;
  return {first};
}

// Merge sort in place. runs[i] holds either nothing or 2^i nodes, all armed before those of a
// lower run. Timers are mostly armed in the order of their deadlines, so that is tried first.
TimerWheel::Chain TimerWheel::Sort(Chain chain) {
  uint32_t index = chain.first;
  while (index != kNil && At(index).next != kNil &&
         At(index).deadline <= At(At(index).next).deadline) {
    index = At(index).next;
  }
  if (index == kNil || At(index).next == kNil) return chain;

  std::array<Chain, 32> runs;
  runs.fill({kNil});
  for (index = chain.first; index != kNil;) {
    Chain run{index};
    index = At(index).next;
    At(run.first).next = kNil;
    size_t height = 0;
    for (; runs[height].first != kNil; ++height) {
      run = Merge(runs[height], run);
      runs[height] = {kNil};
    }
    runs[height] = run;
  }
  Chain sorted{kNil};
  for (const Chain& run : runs) sorted = Merge(run, sorted);
  return sorted;
}

// Puts everything with a deadline of at most `now` on the due list, in order. Levels below the
// highest group that changes, and on that group's level the slots that time passes, are due as a
// whole; the slot that time ends in is split; higher levels see no difference.
void TimerWheel::Collect(uint64_t now) {
  CollectLate();
  if (now <= now_) return;
  const int top = LevelOf(now ^ now_);
  const int slot = SlotOf(now, top);
  now_ = now;
  for (int level = 0; level < top; ++level) CollectSlots(level, ~uint64_t{0});
  CollectSlots(top, (uint64_t{1} << slot) - 1);
  SplitSlot(static_cast<uint16_t>(top << kBitsPerLevel | slot));
}

void TimerWheel::CollectLate() {
  if (heads_[kLate] == kNil) return;
  const Chain late = Sort(Detach(kLate));
  const uint32_t due = heads_[kDue];
  const bool in_front = due != kNil && At(At(due).previous).deadline > At(late.first).deadline;
  AppendChain(kDue, in_front ? Merge(Detach(kDue), late) : late);
}

void TimerWheel::CollectSlots(int level, uint64_t slots) {
  for (uint64_t left = occupied_[level] & slots; left != 0; left &= left - 1) {
    const int slot = std::countr_zero(left);
    const Chain chain = Detach(static_cast<uint16_t>(level << kBitsPerLevel | slot));
    // A slot of level 0 is one tick wide: nothing to sort.
    AppendChain(kDue, level == 0 ? chain : Sort(chain));
  }
}

// Nodes keep their relative order on the lower levels, which are empty at this point.
void TimerWheel::SplitSlot(uint16_t list) {
  const Chain chain = Detach(list);
  for (uint32_t index = chain.first; index != kNil;) {
    const uint32_t next = At(index).next;
    Append(ListFor(At(index).deadline), index);
    index = next;
  }
  // ListFor calls what is due late; of this slot alone, as CollectLate has emptied that list.
  CollectLate();
}

}  // namespace gyre

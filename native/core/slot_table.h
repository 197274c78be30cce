// Objects named by token: a slot that is used again, and a generation that is not (until 2^24
// have passed), so a name outlives its object harmlessly.
// Invariants: 1. Objects never move: storage grows by chunks.
//             2. A generation is never 0, and changes when its object is retired.
//             3. A retired slot is used again only when the ready ring's consumer has passed the
//                position given to Retire, the last entry that names the old object. So whoever
//                keeps objects by slot sees the end of one before the beginning of the next.
// Knows nothing of what the objects are, except that a default-constructed one is empty.

#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include "layout.h"
#include "ready_ring.h"

namespace gyre {

template <class T>
class SlotTable {
 public:
  // Reserves a slot; the object there is empty until the caller fills it.
  Token Acquire(const ReadyRing& ready) {
    if (first_retired_ != kNone && ready.HasConsumed(At(first_retired_).retired_at)) {
      const uint32_t slot = first_retired_;
      first_retired_ = At(slot).next_retired;
      if (first_retired_ == kNone) last_retired_ = kNone;
      return {slot, At(slot).generation};
    }
    if ((used_ & kChunkMask) == 0) chunks_.push_back(std::make_unique<Cell[]>(kChunkCells));
    const uint32_t slot = used_++;
    return {slot, At(slot).generation};
  }

  // Makes every copy of the slot's token stale.
  // REQUIRES: the caller has emptied the object.
  void Retire(uint32_t slot, uint32_t ready_position) {
    Cell& cell = At(slot);
    cell.generation = (cell.generation + 1) & kGenerationMask;
    if (cell.generation == 0) cell.generation = 1;
    cell.retired_at = ready_position;
    cell.next_retired = kNone;
    (last_retired_ != kNone ? At(last_retired_).next_retired : first_retired_) = slot;
    last_retired_ = slot;
  }

  // Null for a stale token and for one that never was.
  T* Find(Token token) {
    if (token.slot >= used_) return nullptr;
    Cell& cell = At(token.slot);
    return cell.generation == token.generation ? &cell.object : nullptr;
  }

  template <class Visit>
  void ForEach(Visit&& visit) {
    for (uint32_t slot = 0; slot < used_; ++slot) visit(At(slot).object);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kChunkBits = 5;
  static constexpr uint32_t kChunkCells = 1u << kChunkBits;
  static constexpr uint32_t kChunkMask = kChunkCells - 1;

  struct Cell {
    T object;
    uint32_t generation = 1;
    uint32_t retired_at = 0;
    uint32_t next_retired = kNone;
  };

  Cell& At(uint32_t slot) {
    assert(slot < used_);
    return chunks_[slot >> kChunkBits][slot & kChunkMask];
  }

  std::vector<std::unique_ptr<Cell[]>> chunks_;
  uint32_t used_ = 0;
  uint32_t first_retired_ = kNone;
  uint32_t last_retired_ = kNone;
};

}  // namespace gyre

// The loop's ready queue: one FIFO in shared memory with two producers and one consumer.
// TypeScript pushes callbacks and task wake-ups, native pushes what happened; TypeScript consumes.
// Invariants: 1. Native only ever moves the tail, and only by whole entries.
//             2. tail - head <= capacity; a full ring refuses, it never overwrites.
//             3. The counters live in the control block and survive a change of the ring's memory.
// Knows nothing of what the entries mean. Does not own the memory.

#pragma once

#include <cassert>
#include <cstdint>

#include "layout.h"

namespace gyre {

class ReadyRing {
 public:
  explicit ReadyRing(uint32_t* control) : control_(control) {}

  // REQUIRES: `capacity` is a power of two, at least size(), and what stands in the ring has
  // been laid out again by its consumer.
  void Attach(Entry* entries, uint32_t capacity) {
    assert((capacity & (capacity - 1)) == 0 && size() <= capacity);
    entries_ = entries;
    capacity_ = capacity;
  }

  uint32_t head() const { return control_[kReadyHead]; }
  uint32_t tail() const { return control_[kReadyTail]; }
  uint32_t size() const { return tail() - head(); }
  uint32_t room() const { return capacity_ - size(); }
  bool empty() const { return size() == 0; }

  // True once the consumer is past `position`, a value of tail() taken earlier.
  bool HasConsumed(uint32_t position) const { return static_cast<int32_t>(head() - position) >= 0; }

  // True while an entry of `token` stands in the ring whose kind lies from `first` to `last`. Looks
  // at every entry: for rare questions.
  bool Mentions(Token token, Kind first, Kind last) const {
    for (uint32_t at = head(); at != tail(); ++at) {
      const Entry& entry = entries_[at & (capacity_ - 1)];
      const Kind kind{entry.code()};
      if (entry.slot != token.slot || entry.token().generation != token.generation) continue;
      if (kind >= first && kind <= last) return true;
    }
    return false;
  }

  // Returns false, and does nothing, when the ring is full.
  bool Append(Kind kind, Token token, uint32_t a = 0, uint32_t b = 0) {
    if (room() == 0) return false;
    const uint32_t tag = static_cast<uint32_t>(kind) | token.generation << 8;
    entries_[tail() & (capacity_ - 1)] = {tag, token.slot, a, b};
    control_[kReadyTail] += 1;
    return true;
  }

 private:
  uint32_t* control_;
  Entry* entries_ = nullptr;
  uint32_t capacity_ = 0;
};

}  // namespace gyre

// What TypeScript asks of native: a FIFO in shared memory that TypeScript fills and native drains.
// Invariants: 1. Native only ever moves the head.
//             2. An entry is taken (copied, and the head moved) before it is acted upon, so that
//                whatever the act does to the ring finds it consistent.
// Knows nothing of what the entries mean. Does not own the memory.

#pragma once

#include <cassert>
#include <cstdint>

#include "layout.h"

namespace gyre {

class SubmissionRing {
 public:
  // REQUIRES: `capacity` is a power of two.
  SubmissionRing(uint32_t* control, Entry* entries, uint32_t capacity)
      : control_(control), entries_(entries), capacity_(capacity) {
    assert((capacity & (capacity - 1)) == 0);
  }

  bool empty() const { return control_[kSubmitHead] == control_[kSubmitTail]; }

  // REQUIRES: !empty().
  Entry Take() {
    const uint32_t head = control_[kSubmitHead];
    control_[kSubmitHead] = head + 1;
    return entries_[head & (capacity_ - 1)];
  }

 private:
  uint32_t* control_;
  Entry* entries_;
  uint32_t capacity_;
};

}  // namespace gyre

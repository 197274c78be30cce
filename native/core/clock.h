// The loop's clock, in nanoseconds from the loop's own origin. A real one is CLOCK_MONOTONIC less
// an origin that the loop's maker chose; a virtual one stands
// still until it is moved.
// Invariant: it never goes back and never shows less than 0.

#pragma once

#include <algorithm>
#include <cstdint>

#include "syscalls.h"

namespace gyre {

class Clock {
 public:
  Clock(Syscalls& syscalls, int64_t origin_ns, bool is_virtual)
      : syscalls_(syscalls), origin_ns_(origin_ns), is_virtual_(is_virtual) {}

  bool is_virtual() const { return is_virtual_; }

  uint64_t NowNs() const {
    if (is_virtual_) return virtual_now_ns_;
    return static_cast<uint64_t>(std::max<int64_t>(0, syscalls_.MonotonicNow() - origin_ns_));
  }

  // REQUIRES: is_virtual().
  void MoveTo(uint64_t now_ns) { virtual_now_ns_ = std::max(virtual_now_ns_, now_ns); }

  // A time of this clock on CLOCK_MONOTONIC. A deadline beyond the end of that is its end.
  int64_t MonotonicNs(uint64_t time_ns) const {
    const auto rest_ns = static_cast<uint64_t>(INT64_MAX - std::max<int64_t>(0, origin_ns_));
    return origin_ns_ + static_cast<int64_t>(std::min(time_ns, rest_ns));
  }

 private:
  Syscalls& syscalls_;
  int64_t origin_ns_;
  uint64_t virtual_now_ns_ = 0;
  bool is_virtual_;
};

}  // namespace gyre

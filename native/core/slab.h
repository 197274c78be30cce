// The two byte areas shared with TypeScript. Received bytes are handed out as offset and length
// in the receive slab; small writes arrive as offset and length in the send slab.
// Invariants: 1. The receive cursor goes back to the start only when the consumer has passed the
//                last entry that points into the slab, so unread bytes are never overwritten.
//             2. A slice outside the send slab is refused.
// Neither owns its memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gyre {

class ReceiveSlab {
 public:
  // At 64 KiB an echo of 100 KiB took a fifth more CPU time, at 256 KiB a little more.
  static constexpr size_t kReceiveBytesMax = 128 * 1024;
  // Less than this is not worth a system call: what is there would come in crumbs.
  static constexpr size_t kReceiveBytesMin = 4 * 1024;

  void Attach(std::span<uint8_t> memory) {
    memory_ = memory;
    cursor_ = 0;
  }

  bool attached() const { return !memory_.empty(); }
  size_t cursor() const { return cursor_; }
  void Rewind() { cursor_ = 0; }

  // Where the next receive goes; empty when the slab is used up.
  std::span<uint8_t> Next() const {
    const size_t left = memory_.size() - cursor_;
    if (left < kReceiveBytesMin) return {};
    return memory_.subspan(cursor_, left < kReceiveBytesMax ? left : kReceiveBytesMax);
  }

  // Keeps `length` bytes of what Next() offered. The cursor stays aligned for the copy that
  // usually follows.
  void Keep(size_t length) {
    cursor_ += (length + 15) & ~size_t{15};
    if (cursor_ > memory_.size()) cursor_ = memory_.size();
  }

 private:
  std::span<uint8_t> memory_;
  size_t cursor_ = 0;
};

class SendSlab {
 public:
  void Attach(std::span<uint8_t> memory) { memory_ = memory; }

  // Returns an empty span for a slice that does not lie within the slab.
  std::span<uint8_t> Slice(uint32_t offset, uint32_t length) const {
    if (offset > memory_.size() || length > memory_.size() - offset) return {};
    return memory_.subspan(offset, length);
  }

 private:
  std::span<uint8_t> memory_;
};

}  // namespace gyre

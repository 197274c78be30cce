// The two byte areas shared with TypeScript. Received bytes are handed out as offset and length
// in the receive slab; small writes arrive as offset and length in the send slab.
// Invariants: 1. The receive cursor goes back only when the consumer has passed the last entry that
//                points into the slab, so unread bytes are never overwritten; and never behind what
//                the consumer keeps.
//             2. A slice outside the send slab is refused.
// Neither owns its memory.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gyre {

class ReceiveSlab {
 public:
  // What one receive is offered: always so much, as the crumb that a smaller rest of the slab would
  // take of a large message costs as many system calls as the message. At 64 KiB an echo of 100 KiB
  // took a fifth more CPU time, at 256 KiB a little more.
  static constexpr size_t kReceiveBytesMax = 128 * 1024;
  // Above this the batch waits until its consumer has seen what is there: what is dealt with soon
  // is still in the processor's cache, and what the kernel frees of it, too.
  static constexpr size_t kBatchBytes = 128 * 1024;
  // What TypeScript gives: several batches, for a consumer that keeps them.
  static constexpr size_t kBytes = 512 * 1024;

  void Attach(std::span<uint8_t> memory) {
    memory_ = memory;
    cursor_ = kept_ = 0;
  }

  bool attached() const { return !memory_.empty(); }
  size_t cursor() const { return cursor_; }

  // The first `kept` bytes are the consumer's; all others may be received into again. What was lent
  // comes back, so that they may be fewer than before.
  // REQUIRES: no entry that points into the rest is unread.
  void Rewind(size_t kept) { cursor_ = kept_ = std::min(Aligned(kept), memory_.size()); }

  // Where the next receive goes; empty when there is no room before the next Rewind.
  std::span<uint8_t> Next() const {
    if (cursor_ - kept_ >= kBatchBytes || !HasRoomAt(cursor_)) return {};
    return memory_.subspan(cursor_, FullReceive());
  }

  // Whether so much is kept that no Rewind brings room.
  bool IsSpent() const { return !HasRoomAt(kept_); }

  // `length` bytes were received where Next() said. The cursor stays aligned for the copy that
  // usually follows.
  void Advance(size_t length) { cursor_ = std::min(cursor_ + Aligned(length), memory_.size()); }

 private:
  static constexpr size_t Aligned(size_t length) { return (length + 15) & ~size_t{15}; }
  // A slab that is smaller than a receive offers all it has.
  size_t FullReceive() const { return std::min(kReceiveBytesMax, memory_.size()); }
  bool HasRoomAt(size_t offset) const { return memory_.size() - offset >= FullReceive(); }

  std::span<uint8_t> memory_;
  size_t cursor_ = 0;
  size_t kept_ = 0;
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

// Bytes that a socket has not taken yet: a chain of blocks, filled at one end and sent from the
// other. Owns its memory.
// Invariants: 1. No block is empty; size() is the sum of the blocks.
//             2. Append takes all or nothing.
// Knows nothing of sockets.

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace gyre {

class OutQueue {
 public:
  OutQueue() = default;
  ~OutQueue() { Clear(); }
  OutQueue(OutQueue&& other) noexcept { *this = std::move(other); }
  OutQueue& operator=(OutQueue&& other) noexcept;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Copies the bytes. Returns false when there is no memory for them.
  [[nodiscard]] bool Append(const void* data, size_t length);

  // Describes the first bytes in at most `count_max` slices; returns how many it used.
  size_t Peek(iovec* slices, size_t count_max) const;

  // REQUIRES: length <= size().
  void Consume(size_t length);

  void Clear() { Consume(size_); }

 private:
  // Its bytes follow it in memory.
  struct Block {
    Block* next;
    size_t begin;
    size_t end;
    size_t capacity;
    uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  };

  static constexpr size_t kBlockBytesMin = 16 * 1024 - sizeof(Block);

  Block* first_ = nullptr;
  Block* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gyre

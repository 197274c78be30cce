#include "out_queue.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>

namespace gyre {

OutQueue& OutQueue::operator=(OutQueue&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  first_ = std::exchange(other.first_, nullptr);
  last_ = std::exchange(other.last_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

bool OutQueue::Append(const void* data, size_t length) {
  if (length == 0) return true;
  const auto* from = static_cast<const uint8_t*>(data);
  const size_t fits = last_ == nullptr ? 0 : std::min(length, last_->capacity - last_->end);
  Block* fresh = nullptr;
  if (fits < length) {
    // malloc, not new: a peer that does not read must cost its own stream, not the process.
    const size_t capacity = std::max(length - fits, kBlockBytesMin);
    fresh = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
    if (fresh == nullptr) return false;
    *fresh = {nullptr, 0, length - fits, capacity};
    std::memcpy(fresh->bytes(), from + fits, length - fits);
  }
  if (fits > 0) {
    std::memcpy(last_->bytes() + last_->end, from, fits);
    last_->end += fits;
  }
  if (fresh != nullptr) {
    (last_ != nullptr ? last_->next : first_) = fresh;
    last_ = fresh;
  }
  size_ += length;
  return true;
}

size_t OutQueue::Peek(iovec* slices, size_t count_max) const {
  size_t count = 0;
  for (Block* block = first_; block != nullptr && count < count_max; block = block->next) {
    slices[count++] = {block->bytes() + block->begin, block->end - block->begin};
  }
  return count;
}

void OutQueue::Consume(size_t length) {
  assert(length <= size_);
  size_ -= length;
  while (length > 0) {
    Block* block = first_;
    const size_t taken = std::min(length, block->end - block->begin);
    block->begin += taken;
    length -= taken;
    if (block->begin < block->end) return;
    first_ = block->next;
    if (first_ == nullptr) last_ = nullptr;
    std::free(block);
  }
}

}  // namespace gyre

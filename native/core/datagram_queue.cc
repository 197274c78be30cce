#include "datagram_queue.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

namespace gyre {

bool DatagramQueue::Append(const msghdr& message) {
  assert(message.msg_iovlen == 1 && message.msg_namelen <= sizeof(sockaddr_storage));
  const iovec& slice = *message.msg_iov;
  // malloc, not new: a socket whose datagrams pile up must fail by itself, not the process.
  void* memory = std::malloc(sizeof(Node) + slice.iov_len);
  if (memory == nullptr) return false;
  auto* node = new (memory) Node{nullptr, {}, message.msg_namelen, slice.iov_len};
  if (node->to_length > 0) std::memcpy(node->to.get_mutable(), message.msg_name, node->to_length);
  if (node->length > 0) std::memcpy(node->bytes(), slice.iov_base, node->length);
  (last_ != nullptr ? last_->next : first_) = node;
  last_ = node;
  ++size_;
  bytes_ += node->length + kOverheadBytes;
  return true;
}

size_t DatagramQueue::Peek(mmsghdr* messages, iovec* slices, size_t count_max) const {
  size_t count = 0;
  for (Node* node = first_; node != nullptr && count < count_max; node = node->next, ++count) {
    slices[count] = {node->bytes(), node->length};
    msghdr& header = messages[count].msg_hdr;
    header = {};
    header.msg_name = node->to_length > 0 ? node->to.get_mutable() : nullptr;
    header.msg_namelen = node->to_length;
    header.msg_iov = &slices[count];
    header.msg_iovlen = 1;
  }
  return count;
}

void DatagramQueue::Consume(size_t count) {
  assert(count <= size_);
  for (; count > 0; --count) {
    Node* node = first_;
    first_ = node->next;
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    bytes_ -= node->length + kOverheadBytes;
    node->~Node();
    std::free(node);
  }
}

}  // namespace gyre

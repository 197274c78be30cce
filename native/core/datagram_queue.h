// Datagrams that a socket has not taken yet, in order, each with its address. Owns their bytes.
// Invariants: 1. size() is the number of datagrams; bytes() is the sum of their lengths and of
//                kOverheadBytes each, so that empty ones are not free either.
//             2. Append takes the whole datagram or nothing.
// Knows nothing of sockets.

#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "socket_address.h"

namespace gyre {

class DatagramQueue {
 public:
  // What asyncio adds for each datagram, too.
  static constexpr size_t kOverheadBytes = 8;

  DatagramQueue() = default;
  ~DatagramQueue() { Clear(); }
  DatagramQueue(const DatagramQueue&) = delete;
  DatagramQueue& operator=(const DatagramQueue&) = delete;

  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  size_t bytes() const { return bytes_; }

  // Copies what the message has: its address, if any, and the bytes of its one slice. Returns
  // false when there is no memory for them.
  [[nodiscard]] bool Append(const msghdr& message);

  // Describes the first datagrams in at most `count_max` messages, with a slice for each, side
  // by side; returns how many there are.
  size_t Peek(mmsghdr* messages, iovec* slices, size_t count_max) const;

  // REQUIRES: count <= size().
  void Consume(size_t count);

  void Clear() { Consume(size_); }

 private:
  // Its bytes follow it in memory.
  struct Node {
    Node* next;
    SocketAddress to;
    socklen_t to_length;
    size_t length;
    uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  };

  Node* first_ = nullptr;
  Node* last_ = nullptr;
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace gyre

// The memory shared with TypeScript into which datagrams are received: slots that each hold the
// largest there is, so that a batch can be received without knowing what comes. A page of it that
// no large datagram ever touched costs nothing.
// Invariants: 1. The slots are used in order, and used again only when the consumer has passed the
//                last entry that points into the slab.
//             2. An address record stands right before the bytes of each datagram.
// Does not own its memory.

#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "address_record.h"
#include "datagram.h"

namespace gyre {

class DatagramSlab {
 public:
  static constexpr size_t kSlots = Datagram::kBatchMax;
  // More than IP can carry: nothing is ever cut off but an IPv6 jumbogram.
  static constexpr size_t kDatagramBytesMax = 64 * 1024;
  // Not a multiple of a page: the first bytes of all slots would compete for a few cache lines.
  static constexpr size_t kSlotBytes = kDatagramBytesMax + 2048 + 64;
  static constexpr size_t kBytes = kSlots * kSlotBytes;

  // Memory that is too small is none.
  void Attach(std::span<uint8_t> memory) {
    memory_ = memory.size() >= kBytes ? memory : std::span<uint8_t>{};
    used_ = 0;
  }

  bool attached() const { return !memory_.empty(); }
  size_t free_slots() const { return kSlots - used_; }
  void Rewind() { used_ = 0; }

  // Messages for the next `count` slots. REQUIRES: attached(), count <= free_slots().
  mmsghdr* Prepare(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      slices_[i] = {memory_.data() + DataOffset(used_ + i), kDatagramBytesMax};
      msghdr& header = messages_[i].msg_hdr;
      header = {};
      header.msg_name = names_[i].get_mutable();
      header.msg_namelen = *names_[i].room();
      header.msg_iov = &slices_[i];
      header.msg_iovlen = 1;
    }
    return messages_.data();
  }

  struct Received {
    uint32_t offset;
    uint32_t length;
    bool is_cut_off;
  };

  // Keeps the `index`th of the messages that were prepared. REQUIRES: in order, from 0.
  Received Keep(size_t index) {
    const mmsghdr& message = messages_[index];
    const size_t offset = DataOffset(used_++);
    const AddressRecord from =
        message.msg_hdr.msg_namelen > 0 ? AddressRecord::Of(names_[index]) : AddressRecord{};
    std::memcpy(memory_.data() + offset - sizeof from, &from, sizeof from);
    return {static_cast<uint32_t>(offset), message.msg_len,
            (message.msg_hdr.msg_flags & MSG_TRUNC) != 0};
  }

 private:
  static size_t DataOffset(size_t slot) { return slot * kSlotBytes + 64; }
  static_assert(sizeof(AddressRecord) <= 64);

  std::span<uint8_t> memory_;
  size_t used_ = 0;
  std::array<mmsghdr, kSlots> messages_;
  std::array<iovec, kSlots> slices_;
  std::array<SocketAddress, kSlots> names_;
};

}  // namespace gyre

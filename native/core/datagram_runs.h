// What goes out in one system call: datagrams, and runs of datagrams. A run is what stands side by
// side, goes to one address and has one size, but for its last datagram, which may be shorter. It
// is one message to the kernel, which cuts it up again (UDP_SEGMENT, Linux 4.18), so that it finds
// the route and passes its layers once for all of them, and they arrive as if sent one by one.
// Invariants: 1. The messages cover the datagrams in order, each once.
//             2. No run is longer than the kernel takes.
// Knows nothing of sockets, and not whether a kernel can do this.

#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace gyre {

class DatagramRuns {
 public:
  static constexpr size_t kMessagesMax = 64;
  // With IP's header and UDP's this must not pass 65,535 bytes.
  static constexpr size_t kRunBytesMax = 65'000;

  // Describes up to kMessagesMax datagrams; runs have datagrams of at most `segment_bytes_max`, and
  // there are none if it is 0. REQUIRES: one slice each, side by side in one array; the datagrams
  // outlive what is done with the messages.
  DatagramRuns(const mmsghdr* datagrams, size_t count, size_t segment_bytes_max);
  DatagramRuns(const DatagramRuns&) = delete;
  DatagramRuns& operator=(const DatagramRuns&) = delete;

  mmsghdr* messages() { return messages_.data(); }
  size_t size() const { return size_; }

  bool BeginsWithRun() const { return lengths_[0] > 1; }
  // How many datagrams the first `count` messages cover.
  size_t Covered(size_t count) const;

 private:
  void DescribeRun(size_t index, size_t segment_bytes);

  size_t size_ = 0;
  // Not initialized: most calls need few of them.
  std::array<mmsghdr, kMessagesMax> messages_;
  std::array<uint8_t, kMessagesMax> lengths_;
  struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
  };
  std::array<Control, kMessagesMax> controls_;
};

}  // namespace gyre

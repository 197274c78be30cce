#include "datagram_runs.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace gyre {

namespace {

size_t BytesOf(const mmsghdr& datagram) { return datagram.msg_hdr.msg_iov->iov_len; }

bool HaveSameAddress(const msghdr& a, const msghdr& b) {
  return a.msg_namelen == b.msg_namelen &&
         (a.msg_namelen == 0 || std::memcmp(a.msg_name, b.msg_name, a.msg_namelen) == 0);
}

// How many datagrams, from the first one on, can be a run.
size_t RunLength(const mmsghdr* datagrams, size_t count, size_t segment_bytes_max) {
  const size_t segment_bytes = BytesOf(datagrams[0]);
  if (segment_bytes == 0 || segment_bytes > segment_bytes_max) return 1;
  size_t bytes = segment_bytes;
  size_t length = 1;
  for (; length < count; ++length) {
    const size_t next_bytes = BytesOf(datagrams[length]);
    bytes += next_bytes;
    if (next_bytes == 0 || next_bytes > segment_bytes) break;
    if (bytes > DatagramRuns::kRunBytesMax) break;
    if (!HaveSameAddress(datagrams[0].msg_hdr, datagrams[length].msg_hdr)) break;
    if (next_bytes < segment_bytes) return length + 1;
  }
  return length;
}

}  // namespace

DatagramRuns::DatagramRuns(const mmsghdr* datagrams, size_t count, size_t segment_bytes_max) {
  count = std::min(count, kMessagesMax);
  for (size_t next = 0; next < count; ++size_) {
    const size_t length = RunLength(datagrams + next, count - next, segment_bytes_max);
    messages_[size_].msg_hdr = datagrams[next].msg_hdr;
    messages_[size_].msg_hdr.msg_iovlen = length;
    lengths_[size_] = static_cast<uint8_t>(length);
    if (length > 1) DescribeRun(size_, BytesOf(datagrams[next]));
    next += length;
  }
}

void DatagramRuns::DescribeRun(size_t index, size_t segment_bytes) {
  msghdr& header = messages_[index].msg_hdr;
  header.msg_control = controls_[index].bytes;
  header.msg_controllen = sizeof controls_[index].bytes;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const auto value = static_cast<uint16_t>(segment_bytes);
  std::memcpy(CMSG_DATA(control), &value, sizeof value);
}

size_t DatagramRuns::Covered(size_t count) const {
  assert(count <= size_);
  size_t covered = 0;
  for (size_t i = 0; i < count; ++i) covered += lengths_[i];
  return covered;
}

}  // namespace gyre

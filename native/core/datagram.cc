#include "datagram.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <array>
#include <cassert>

#include "datagram_runs.h"

namespace gyre {

namespace {

// What an Ethernet carries in one packet, whatever the options of IP.
constexpr size_t kOrdinarySegmentBytes = 1'400;

// What the kernel says to a run that it cannot cut up: a device that cannot do checksums, an IPsec
// tunnel, segments that would have to be fragmented.
bool MayBeForRuns(int error) { return error == EIO || error == EINVAL || error == EMSGSIZE; }

}  // namespace

Datagram::~Datagram() {
  if (fd_ >= 0) syscalls_->Close(fd_);
}

int Datagram::Open(const SocketAddress& local, const SocketAddress* remote,
                   const Options& options) {
  failed_operation_ = Operation::kBind;
  const int fd = syscalls_->Socket(local.family(), SOCK_DGRAM, 0);
  if (fd < 0) return fd;
  fd_ = fd;
  int result = 0;
  if (options.reuse_port) result = syscalls_->SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (result == 0 && options.broadcast) {
    result = syscalls_->SetOption(fd, SOL_SOCKET, SO_BROADCAST, 1);
  }
  if (result == 0 && local.family() == AF_INET6) {
    result = syscalls_->SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
  }
  int segment_bytes = 0;
  const bool has_runs = syscalls_->GetOption(fd, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes) == 0;
  segment_bytes_max_ = has_runs ? DatagramRuns::kRunBytesMax / 2 : 0;
  if (result == 0) result = syscalls_->Bind(fd, local.get(), local.length());
  if (result == 0 && remote != nullptr) {
    failed_operation_ = Operation::kConnect;
    result = syscalls_->Connect(fd, remote->get(), remote->length());
  }
  if (result == 0) failed_operation_ = Operation::kNone;
  return result;
}

size_t Datagram::Receive(mmsghdr* messages, size_t count) {
  // An error stands before the datagrams that arrived, and is taken off the socket by being told.
  // Two may stand there; more would keep the rest of the loop waiting.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int result =
        RetryInterrupted([&] { return syscalls_->ReceiveMany(fd_, messages, count); });
    if (result >= 0) return static_cast<size_t>(result);
    if (result == -EAGAIN) return 0;
    failures_.push_back({-result, Operation::kRead});
  }
  return 0;
}

void Datagram::Send(mmsghdr* messages, size_t count) {
  if (!CanSend()) return;
  const size_t done = queue_.empty() ? Offer(messages, count) : 0;
  for (size_t i = done; i < count; ++i) {
    if (!queue_.Append(messages[i].msg_hdr)) failures_.push_back({ENOMEM, Operation::kWrite});
  }
  if (!queue_.empty()) has_pending_ = true;
}

// Returns how many of the messages are done with: sent, or failed. The others found no room. What
// fails as a run is a failure of its first datagram; the others are tried again.
size_t Datagram::Offer(mmsghdr* messages, size_t count) {
  bool is_second_try = false;
  // A run failed, perhaps for being one: its first datagram is tried alone.
  bool is_run_suspect = false;
  for (size_t done = 0; done < count;) {
    DatagramRuns runs(messages + done, is_run_suspect ? 1 : count - done, segment_bytes_max_);
    const int result =
        RetryInterrupted([&] { return syscalls_->SendMany(fd_, runs.messages(), runs.size()); });
    if (result == -EAGAIN || result == 0) return done;
    if (result > 0) {
      if (is_run_suspect) LowerSegmentLimit(messages[done].msg_hdr.msg_iov->iov_len);
      done += runs.Covered(static_cast<size_t>(result));
      is_second_try = is_run_suspect = false;
      continue;
    }
    is_run_suspect = runs.BeginsWithRun() && MayBeForRuns(-result);
    if (is_run_suspect) continue;
    failures_.push_back({-result, Operation::kWrite});
    // This one is the answer to a datagram that went out before (udp(7)); this datagram has not
    // been looked at yet.
    const bool is_earlier = result == -ECONNREFUSED && !is_second_try;
    is_second_try = is_earlier;
    if (!is_earlier) ++done;
  }
  return count;
}

// Runs of datagrams of so many bytes do not get through. At most two such discoveries are made.
void Datagram::LowerSegmentLimit(size_t segment_bytes) {
  segment_bytes_max_ = segment_bytes > kOrdinarySegmentBytes ? kOrdinarySegmentBytes : 0;
}

void Datagram::OnWritable() {
  if (queue_.empty()) return;
  std::array<mmsghdr, kBatchMax> messages;
  std::array<iovec, kBatchMax> slices;
  const size_t count = queue_.Peek(messages.data(), slices.data(), kBatchMax);
  queue_.Consume(Offer(messages.data(), count));
  if (queue_.empty() && state_ == DatagramState::kClosing) Finish(0, Operation::kNone);
}

void Datagram::Close() {
  if (state_ != DatagramState::kOpen) return;
  if (queue_.empty()) {
    Finish(0, Operation::kNone);
    return;
  }
  state_ = DatagramState::kClosing;
  reading_ = false;
}

uint32_t Datagram::Interest() const {
  if (state_ == DatagramState::kClosed) return 0;
  return (reading_ ? kReadable : 0u) | (queue_.empty() ? 0u : kWritable);
}

// What is dropped here has not drained.
void Datagram::Fail(int error, Operation operation) {
  if (state_ == DatagramState::kClosed) return;
  ForgetDrain();
  Finish(error, operation);
}

void Datagram::Finish(int error, Operation operation) {
  assert(state_ != DatagramState::kClosed);
  state_ = DatagramState::kClosed;
  syscalls_->Close(fd_);
  fd_ = -1;
  reading_ = false;
  has_pending_ = false;
  queue_.Clear();
  error_ = error;
  failed_operation_ = operation;
}

}  // namespace gyre

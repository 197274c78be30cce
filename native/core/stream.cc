#include "stream.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace gyre {

namespace {

constexpr uint8_t Moves(std::initializer_list<StreamState> states) {
  uint8_t set = 0;
  for (const StreamState state : states) set |= static_cast<uint8_t>(1 << static_cast<int>(state));
  return set;
}

using enum StreamState;
constexpr std::array<uint8_t, 6> kLegalMoves = {
    /* kConnecting   */ Moves({kOpen, kClosed}),
    /* kOpen         */ Moves({kShuttingDown, kShutDown, kClosing, kClosed}),
    /* kShuttingDown */ Moves({kShutDown, kClosing, kClosed}),
    /* kShutDown     */ Moves({kClosing, kClosed}),
    /* kClosing      */ Moves({kClosed}),
    /* kClosed       */ Moves({}),
};

size_t TotalBytes(const iovec* slices, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; ++i) total += slices[i].iov_len;
  return total;
}

// What sendfile(2) says of the socket and not of the file: tcp(7), ip(7).
bool IsOfConnection(int error) {
  switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Stream::Release() {
  if (fd_ < 0) return;
  if (ending_.makes_blocking) {
    const int flags = syscalls_->GetFlags(fd_);
    if (flags >= 0) syscalls_->SetFlags(fd_, flags & ~O_NONBLOCK);
  }
  if (role_ == Role::kConnection || ending_.closes) syscalls_->Close(fd_);
  fd_ = -1;
}

int Stream::Surrender() {
  assert(CanSurrender());
  MoveTo(kClosed);
  reading_ = Reading::kEnded;
  return std::exchange(fd_, -1);
}

void Stream::MoveTo(StreamState state) {
  assert(kLegalMoves[static_cast<size_t>(state_)] & Moves({state}));
  state_ = state;
}

void Stream::Connect(const sockaddr* address, socklen_t length) {
  const int result = syscalls_->Connect(fd_, address, length);
  // An interrupted connect goes on by itself (connect(2)); asking again would say EALREADY.
  if (result != -EINPROGRESS && result != -EINTR) FinishConnecting(result);
}

void Stream::FinishConnecting(int result) {
  if (result < 0) {
    Fail(-result, Operation::kConnect);
    return;
  }
  MoveTo(kOpen);
  reports_ |= kReportConnected;
  if (HasUnsent()) Flush();
}

void Stream::StartReading() {
  if (reading_ == Reading::kOff) reading_ = Reading::kOn;
}

void Stream::StopReading() {
  if (reading_ == Reading::kOn) reading_ = Reading::kOff;
}

size_t Stream::Receive(std::span<uint8_t> into) {
  const ssize_t result = RetryInterrupted([&] {
    return role_ == Role::kConnection ? syscalls_->Receive(fd_, into.data(), into.size())
                                      : syscalls_->Read(fd_, into.data(), into.size());
  });
  if (result > 0) return static_cast<size_t>(result);
  if (result == 0) {
    reading_ = Reading::kEnded;
    reports_ |= kReportEof;
  } else if (result != -EAGAIN) {
    Fail(static_cast<int>(-result), Operation::kRead);
  }
  return 0;
}

ssize_t Stream::SendSome(const iovec* slices, size_t count) {
  return RetryInterrupted([&] {
    return role_ == Role::kConnection ? syscalls_->Send(fd_, slices, count)
                                      : syscalls_->Write(fd_, slices, count);
  });
}

void Stream::Send(const iovec* slices, size_t count) {
  if (!CanSend()) return;
  size_t sent = 0;
  if (queue_.empty() && state_ == kOpen) {
    const ssize_t result = SendSome(slices, count);
    if (result < 0 && result != -EAGAIN) {
      Fail(static_cast<int>(-result), Operation::kWrite);
      return;
    }
    sent = result < 0 ? 0 : static_cast<size_t>(result);
    if (sent == TotalBytes(slices, count)) return;
  }
  Enqueue(slices, count, sent);
}

// Queues all of the slices but their first `skip` bytes.
void Stream::Enqueue(const iovec* slices, size_t count, size_t skip) {
  for (size_t i = 0; i < count; ++i) {
    const auto* bytes = static_cast<const uint8_t*>(slices[i].iov_base);
    const size_t length = slices[i].iov_len;
    if (skip >= length) {
      skip -= length;
    } else if (queue_.Append(bytes + skip, length - skip)) {
      skip = 0;
    } else {
      Fail(ENOMEM, Operation::kWrite);
      return;
    }
  }
  if (!queue_.empty()) reports_ |= kReportPending;
}

void Stream::OnWritable() {
  if (state_ == kConnecting) {
    int error = 0;
    const int result = syscalls_->GetOption(fd_, SOL_SOCKET, SO_ERROR, &error);
    FinishConnecting(result < 0 ? result : -error);
  } else if (state_ != kClosed && HasUnsent()) {
    Flush();
  }
}

void Stream::OnBroken() {
  if (role_ != Role::kWritePipe || state_ == kClosed) return;
  if (HasUnsent()) {
    Fail(EPIPE, Operation::kWrite);
  } else {
    Finish(0, Operation::kNone);
  }
}

void Stream::Flush() {
  std::array<iovec, 64> slices;
  size_t sent = 0;
  while (sent < kFlushBytesMax && !queue_.empty()) {
    const size_t count = queue_.Peek(slices.data(), slices.size());
    const size_t offered = TotalBytes(slices.data(), count);
    const ssize_t result = SendSome(slices.data(), count);
    if (result == -EAGAIN) return;
    if (result < 0) {
      Fail(static_cast<int>(-result), Operation::kWrite);
      return;
    }
    queue_.Consume(static_cast<size_t>(result));
    sent += static_cast<size_t>(result);
    // The socket's buffer is full: asking again would only say so.
    if (static_cast<size_t>(result) < offered) return;
  }
  if (!queue_.empty()) return;
  if (IsSendingFile()) FlushFile(kFlushBytesMax - std::min(sent, kFlushBytesMax));
  if (state_ != kClosed && !IsSendingFile()) OnFlushed();
}

int Stream::SendFile(int fd, uint64_t offset, uint64_t bytes) {
  if (IsSendingFile()) return -EBUSY;
  if (!CanSend()) return -EPIPE;
  if (file_ == nullptr) file_ = std::make_unique<FileSegment>(*syscalls_);
  const int result = file_->Begin(fd, offset, bytes);
  if (result < 0) return result;
  if (queue_.empty() && state_ == kOpen) Flush();
  return 0;
}

// Sends from the file until the socket is full, the file is over, or `bytes_max` have gone.
void Stream::FlushFile(size_t bytes_max) {
  while (file_->left() > 0) {
    if (bytes_max == 0) return;
    const ssize_t sent = file_->SendTo(fd_, bytes_max);
    if (sent == -EAGAIN) return;
    if (IsOfConnection(static_cast<int>(-sent))) {
      Fail(static_cast<int>(-sent), Operation::kWrite);
      return;
    }
    if (sent < 0) {
      // The file's failure and not the connection's: EIO, or a file system without sendfile(2).
      EndFile(static_cast<int>(-sent));
      return;
    }
    // The file is shorter than was asked for.
    if (sent == 0) break;
    bytes_max -= static_cast<size_t>(sent);
  }
  EndFile(0);
}

void Stream::EndFile(int error) {
  file_->End();
  // Before Linux 6.5, sendfile(2) at the end of a file tells TCP that more is to come, and TCP
  // holds an unfilled segment back for 200 ms.
  syscalls_->Push(fd_);
  file_error_ = error;
  reports_ |= kReportFileSent;
}

// What waited for everything to be sent can happen now.
void Stream::OnFlushed() {
  if (state_ == kClosing) {
    Finish(0, Operation::kNone);
  } else if (state_ == kShuttingDown) {
    const int result = syscalls_->Shutdown(fd_, SHUT_WR);
    // Without a connection there is no direction left to end. What became of it, a reset mostly, is
    // what reading tells.
    if (result < 0 && result != -ENOTCONN) {
      Fail(-result, Operation::kWrite);
    } else {
      MoveTo(kShutDown);
    }
  }
}

void Stream::Shutdown() {
  if (state_ != kOpen) return;
  MoveTo(kShuttingDown);
  if (!HasUnsent()) OnFlushed();
}

void Stream::Close() {
  if (state_ == kClosed || state_ == kClosing) return;
  // There is nobody to flush to before the connection stands.
  if (state_ == kConnecting || !HasUnsent()) {
    Finish(0, Operation::kNone);
    return;
  }
  MoveTo(kClosing);
  reading_ = Reading::kEnded;
}

uint32_t Stream::Interest() const {
  if (state_ == kClosed) return 0;
  if (state_ == kConnecting) return kWritable;
  uint32_t interest = 0;
  if (reading_ == Reading::kOn) interest |= kReadable;
  if (HasUnsent()) interest |= kWritable;
  if (role_ == Role::kWritePipe) interest |= kBroken;
  return interest;
}

// What is dropped here has not drained; what close() sent to its end has, and is reported still.
void Stream::Fail(int error, Operation operation) {
  if (state_ == kClosed) return;
  ForgetDrain();
  Finish(error, operation);
}

void Stream::Finish(int error, Operation operation) {
  if (state_ == kClosed) return;
  MoveTo(kClosed);
  if (role_ == Role::kConnection) Release();
  reading_ = Reading::kEnded;
  queue_.Clear();
  if (file_ != nullptr) file_->End();
  error_ = error;
  failed_operation_ = operation;
  // Of what happened before, the end of the peer's data was still true.
  reports_ = static_cast<uint8_t>((reports_ & ~kReportPending) | kReportClosed);
}

}  // namespace gyre

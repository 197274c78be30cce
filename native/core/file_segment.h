// A part of a file on its way into a socket: its own descriptor (a duplicate, so that the caller
// may close his), where the next byte stands, and how many are left. Invariants: 1. active() from
// Begin to End, and the descriptor is open exactly then. Knows nothing of sockets or of who is
// told.

#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "syscalls.h"

namespace gyre {

class FileSegment {
 public:
  explicit FileSegment(Syscalls& syscalls) : syscalls_(&syscalls) {}
  ~FileSegment() { End(); }
  FileSegment(const FileSegment&) = delete;
  FileSegment& operator=(const FileSegment&) = delete;

  // REQUIRES: !active(). Returns 0 or a negative errno.
  int Begin(int fd, uint64_t offset, uint64_t bytes) {
    const int own = syscalls_->Duplicate(fd);
    if (own < 0) return own;
    fd_ = own;
    offset_ = offset;
    left_ = bytes;
    sent_ = 0;
    return 0;
  }

  void End() {
    if (fd_ >= 0) syscalls_->Close(std::exchange(fd_, -1));
  }

  bool active() const { return fd_ >= 0; }
  uint64_t left() const { return left_; }
  uint64_t sent() const { return sent_; }

  // Sends at most `bytes_max`. Returns the number of bytes, 0 at the end of the file, or a negative
  // errno. REQUIRES: active().
  ssize_t SendTo(int socket, size_t bytes_max) {
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(left_, bytes_max));
    const ssize_t sent =
        RetryInterrupted([&] { return syscalls_->SendFile(socket, fd_, offset_, bytes); });
    if (sent > 0) {
      offset_ += static_cast<uint64_t>(sent);
      left_ -= static_cast<uint64_t>(sent);
      sent_ += static_cast<uint64_t>(sent);
    }
    return sent;
  }

 private:
  Syscalls* syscalls_;
  int fd_ = -1;
  uint64_t offset_ = 0;
  uint64_t left_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace gyre

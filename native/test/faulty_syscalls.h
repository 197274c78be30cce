// The seam's system calls, with faults to order: a queue of results for each call, each of which
// is given once instead of making the call. It counts the calls that were made, too.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "syscalls.h"

namespace gyre {

enum class CallId {
  kSocket,
  kBind,
  kListen,
  kAccept,
  kConnect,
  kReceive,
  kSend,
  kRead,
  kWrite,
  kReceiveMany,
  kSendMany,
  kSendFile,
  kDuplicate,
  kShutdown,
  kClose,
  kGetOption,
  kLocalName,
  kEpollCreate,
  kEpollControl,
  kEpollPoll,
  kTimerCreate,
  kTimerSet,
  kCount
};

class FaultySyscalls : public Syscalls {
 public:
  void Inject(CallId id, int result, int times = 1) {
    for (int i = 0; i < times; ++i) faults_[Index(id)].push_back(result);
  }
  int Count(CallId id) const { return counts_[Index(id)]; }
  void ForgetCounts() { counts_.fill(0); }
  bool AllInjected() const {
    return std::all_of(faults_.begin(), faults_.end(), [](const auto& all) { return all.empty(); });
  }

  // Sends take at most so many bytes.
  size_t send_bytes_max = SIZE_MAX;
  // Batches of datagrams, in either direction, have at most so many.
  size_t datagrams_max = SIZE_MAX;
  // How many messages SendMany has passed on; a run of datagrams is one.
  int messages_sent = 0;
  // A clock that stands still, if set.
  std::optional<int64_t> now_ns;

  int Socket(int domain, int type, int protocol) override {
    return Make(CallId::kSocket, [&] { return Syscalls::Socket(domain, type, protocol); });
  }
  int Bind(int fd, const sockaddr* address, socklen_t length) override {
    return Make(CallId::kBind, [&] { return Syscalls::Bind(fd, address, length); });
  }
  int Listen(int fd, int backlog) override {
    return Make(CallId::kListen, [&] { return Syscalls::Listen(fd, backlog); });
  }
  int Accept(int fd, sockaddr* address, socklen_t* length) override {
    return Make(CallId::kAccept, [&] { return Syscalls::Accept(fd, address, length); });
  }
  int Connect(int fd, const sockaddr* address, socklen_t length) override {
    return Make(CallId::kConnect, [&] { return Syscalls::Connect(fd, address, length); });
  }
  ssize_t Receive(int fd, void* into, size_t length) override {
    return Make(CallId::kReceive, [&] { return Syscalls::Receive(fd, into, length); });
  }
  ssize_t Send(int fd, const iovec* slices, size_t count) override {
    return Make(CallId::kSend, [&] {
      std::vector<iovec> shorter(slices, slices + count);
      size_t left = send_bytes_max;
      for (iovec& slice : shorter) {
        slice.iov_len = std::min(slice.iov_len, left);
        left -= slice.iov_len;
      }
      return Syscalls::Send(fd, shorter.data(), count);
    });
  }
  int ReceiveMany(int fd, mmsghdr* messages, size_t count) override {
    return Make(CallId::kReceiveMany, [&] {
      return Syscalls::ReceiveMany(fd, messages, std::min(count, datagrams_max));
    });
  }
  int SendMany(int fd, mmsghdr* messages, size_t count) override {
    return Make(CallId::kSendMany, [&] {
      const int sent = Syscalls::SendMany(fd, messages, std::min(count, datagrams_max));
      if (sent > 0) messages_sent += sent;
      return sent;
    });
  }
  ssize_t SendFile(int socket, int file, uint64_t offset, size_t bytes) override {
    const size_t fewer = std::min(bytes, send_bytes_max);
    return Make(CallId::kSendFile, [&] { return Syscalls::SendFile(socket, file, offset, fewer); });
  }
  int Duplicate(int fd) override {
    return Make(CallId::kDuplicate, [&] { return Syscalls::Duplicate(fd); });
  }
  ssize_t Read(int fd, void* into, size_t length) override {
    return Make(CallId::kRead, [&] { return Syscalls::Read(fd, into, length); });
  }
  ssize_t Write(int fd, const iovec* slices, size_t count) override {
    return Make(CallId::kWrite, [&] { return Syscalls::Write(fd, slices, count); });
  }
  int Shutdown(int fd, int how) override {
    return Make(CallId::kShutdown, [&] { return Syscalls::Shutdown(fd, how); });
  }
  int Close(int fd) override {
    return Make(CallId::kClose, [&] { return Syscalls::Close(fd); });
  }
  int GetOption(int fd, int level, int name, int* value) override {
    return Make(CallId::kGetOption, [&] { return Syscalls::GetOption(fd, level, name, value); });
  }
  int LocalName(int fd, sockaddr* address, socklen_t* length) override {
    return Make(CallId::kLocalName, [&] { return Syscalls::LocalName(fd, address, length); });
  }
  int EpollCreate() override {
    return Make(CallId::kEpollCreate, [&] { return Syscalls::EpollCreate(); });
  }
  int EpollControl(int epoll_fd, int operation, int fd, epoll_event* event) override {
    return Make(CallId::kEpollControl,
                [&] { return Syscalls::EpollControl(epoll_fd, operation, fd, event); });
  }
  int EpollPoll(int epoll_fd, epoll_event* events, int events_max) override {
    return Make(CallId::kEpollPoll,
                [&] { return Syscalls::EpollPoll(epoll_fd, events, events_max); });
  }
  int TimerCreate() override {
    return Make(CallId::kTimerCreate, [&] { return Syscalls::TimerCreate(); });
  }
  int TimerSet(int timer_fd, const itimerspec* when) override {
    return Make(CallId::kTimerSet, [&] { return Syscalls::TimerSet(timer_fd, when); });
  }
  int64_t MonotonicNow() override { return now_ns ? *now_ns : Syscalls::MonotonicNow(); }

 private:
  static constexpr auto kCalls = static_cast<size_t>(CallId::kCount);
  static size_t Index(CallId id) { return static_cast<size_t>(id); }

  template <class Call>
  auto Make(CallId id, Call&& call) -> decltype(call()) {
    ++counts_[Index(id)];
    std::deque<int>& faults = faults_[Index(id)];
    if (faults.empty()) return call();
    const int result = faults.front();
    faults.pop_front();
    return result;
  }

  std::array<std::deque<int>, kCalls> faults_;
  std::array<int, kCalls> counts_{};
};

}  // namespace gyre

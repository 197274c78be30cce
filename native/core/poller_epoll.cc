// Linux: an epoll set, with a timerfd in it.

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>

#include "poller.h"

namespace gyre {

namespace {

uint32_t EpollMask(uint32_t interest) {
  uint32_t mask = 0;
  if (interest & kReadable) mask |= EPOLLIN | EPOLLRDHUP;
  if (interest & kWritable) mask |= EPOLLOUT;
  return mask;
}

uint32_t ReadinessOf(uint32_t mask) {
  uint32_t readiness = 0;
  if (mask & EPOLLIN) readiness |= kReadable;
  if (mask & EPOLLOUT) readiness |= kWritable;
  if (mask & EPOLLRDHUP) readiness |= kPeerFinished;
  if (mask & (EPOLLERR | EPOLLHUP)) readiness |= kBroken;
  return readiness;
}

epoll_event EventFor(uint32_t mask, uint64_t tag) {
  epoll_event event{};
  event.events = mask;
  event.data.u64 = tag;
  return event;
}

}  // namespace

int Poller::Open() {
  if (is_open()) return 0;
  const int poll_fd = syscalls_.EpollCreate();
  if (poll_fd < 0) return poll_fd;
  const int timer_fd = syscalls_.TimerCreate();
  if (timer_fd < 0) {
    syscalls_.Close(poll_fd);
    return timer_fd;
  }
  // Edge-triggered: an expiry is reported once, and nobody has to read the count of expiries.
  // Setting the timer again clears the count, so that the next expiry is an edge again.
  epoll_event event = EventFor(EPOLLIN | EPOLLET, kTimerTag);
  const int result = syscalls_.EpollControl(poll_fd, EPOLL_CTL_ADD, timer_fd, &event);
  if (result < 0) {
    syscalls_.Close(timer_fd);
    syscalls_.Close(poll_fd);
    return result;
  }
  poll_fd_ = poll_fd;
  timer_fd_ = timer_fd;
  return 0;
}

void Poller::Close() {
  if (!is_open()) return;
  syscalls_.Close(timer_fd_);
  syscalls_.Close(poll_fd_);
  timer_fd_ = poll_fd_ = -1;
}

int Poller::Watch(int fd, uint64_t tag, uint32_t interest) {
  epoll_event event = EventFor(EpollMask(interest), tag);
  return syscalls_.EpollControl(poll_fd_, EPOLL_CTL_ADD, fd, &event);
}

int Poller::Rewatch(int fd, uint64_t tag, uint32_t interest) {
  epoll_event event = EventFor(EpollMask(interest), tag);
  return syscalls_.EpollControl(poll_fd_, EPOLL_CTL_MOD, fd, &event);
}

int Poller::Unwatch(int fd) {
  // Kernels before 2.6.9 want the event, though they ignore it.
  epoll_event event{};
  return syscalls_.EpollControl(poll_fd_, EPOLL_CTL_DEL, fd, &event);
}

int Poller::Wait(PollEvent* events, int events_max) {
  epoll_event raw[kEventsMax];
  const int count = RetryInterrupted(
      [&] { return syscalls_.EpollPoll(poll_fd_, raw, std::min(events_max, kEventsMax)); });
  for (int i = 0; i < count; ++i) events[i] = {raw[i].data.u64, ReadinessOf(raw[i].events)};
  return count;
}

int Poller::SetTimer(int64_t monotonic_ns) {
  // An absolute time of 0 would disarm; anything past fires at once.
  const int64_t when_ns = std::max<int64_t>(1, monotonic_ns);
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(when_ns / 1'000'000'000);
  when.it_value.tv_nsec = static_cast<long>(when_ns % 1'000'000'000);
  return syscalls_.TimerSet(timer_fd_, &when);
}

}  // namespace gyre

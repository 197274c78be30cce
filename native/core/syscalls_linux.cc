// The calls of the seam that only Linux has, or has in this form.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "syscalls.h"

namespace gyre {

namespace {

template <class Result>
Result OrErrno(Result result) {
  return result < 0 ? static_cast<Result>(-errno) : result;
}

}  // namespace

int Syscalls::Socket(int domain, int type, int protocol) {
  return OrErrno(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int Syscalls::Accept(int fd, sockaddr* address, socklen_t* length) {
  return OrErrno(::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// libc's recv() and send() are cancellation points: with other threads about, entering and leaving
// one costs 1 % of an echo. So both are called directly.

ssize_t Syscalls::Receive(int fd, void* into, size_t length) {
  return OrErrno(::syscall(SYS_recvfrom, fd, into, length, 0, nullptr, nullptr));
}

ssize_t Syscalls::Send(int fd, const iovec* slices, size_t count) {
  // sendto(2) spares the kernel the copying and checking of a message header.
  if (count == 1) {
    return OrErrno(
        ::syscall(SYS_sendto, fd, slices->iov_base, slices->iov_len, MSG_NOSIGNAL, nullptr, 0));
  }
  msghdr message{};
  // sendmsg(2) only reads the slices, though its header cannot say so.
  message.msg_iov = const_cast<iovec*>(slices);
  message.msg_iovlen = count;
  return OrErrno(::sendmsg(fd, &message, MSG_NOSIGNAL));
}

int Syscalls::ReceiveMany(int fd, mmsghdr* messages, size_t count) {
  const auto many = static_cast<unsigned>(count);
  return OrErrno(
      static_cast<int>(::syscall(SYS_recvmmsg, fd, messages, many, MSG_DONTWAIT, nullptr)));
}

int Syscalls::SendMany(int fd, mmsghdr* messages, size_t count) {
  const auto many = static_cast<unsigned>(count);
  return OrErrno(static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, many, MSG_NOSIGNAL)));
}

// Writing to a socket whose peer has gone raises SIGPIPE, which sendfile(2) has no flag against;
// but Node ignores that signal from its start, in every thread.
ssize_t Syscalls::SendFile(int socket, int file, uint64_t offset, size_t bytes) {
  auto position = static_cast<off_t>(offset);
  return OrErrno(::sendfile(socket, file, &position, bytes));
}

// Taking away a cork that was never there changes nothing but this: what is pending is pushed.
void Syscalls::Push(int socket) {
  const int off = 0;
  ::setsockopt(socket, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
}

int Syscalls::Duplicate(int fd) { return OrErrno(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

int Syscalls::EpollCreate() { return OrErrno(::epoll_create1(EPOLL_CLOEXEC)); }

int Syscalls::EpollControl(int epoll_fd, int operation, int fd, epoll_event* event) {
  return OrErrno(::epoll_ctl(epoll_fd, operation, fd, event));
}

int Syscalls::EpollPoll(int epoll_fd, epoll_event* events, int events_max) {
  return OrErrno(::epoll_wait(epoll_fd, events, events_max, 0));
}

int Syscalls::TimerCreate() {
  return OrErrno(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}

int Syscalls::TimerSet(int timer_fd, const itimerspec* when) {
  return OrErrno(::timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, when, nullptr));
}

}  // namespace gyre

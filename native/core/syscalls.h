// The seam between the core and the operating system. Each method is the system call of the same
// name, except that failure is a value: the negative errno. Tests derive from it to inject EINTR,
// short writes, exhausted descriptors and resets.
// What a system has beyond POSIX stands in a file of its own (syscalls_linux.cc).
// Holds no state; one object may serve every loop of a process.

#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

struct epoll_event;
struct itimerspec;
struct mmsghdr;

namespace gyre {

class Syscalls {
 public:
  virtual ~Syscalls() = default;

  virtual int Socket(int domain, int type, int protocol);
  virtual int Bind(int fd, const sockaddr* address, socklen_t length);
  virtual int Listen(int fd, int backlog);
  // The new descriptor is non-blocking and closed on exec.
  virtual int Accept(int fd, sockaddr* address, socklen_t* length);
  virtual int Connect(int fd, const sockaddr* address, socklen_t length);
  virtual ssize_t Receive(int fd, void* into, size_t length);
  // Never raises SIGPIPE.
  virtual ssize_t Send(int fd, const iovec* slices, size_t count);
  // recvmmsg(2) and sendmmsg(2), without waiting: how many datagrams went through.
  virtual int ReceiveMany(int fd, mmsghdr* messages, size_t count);
  virtual int SendMany(int fd, mmsghdr* messages, size_t count);
  // sendfile(2): from `offset` of the file, whose own position stays.
  virtual ssize_t SendFile(int socket, int file, uint64_t offset, size_t bytes);
  // Has a TCP socket send what it holds back to fill a segment. Of no effect on others.
  virtual void Push(int socket);
  // The duplicate is closed on exec.
  virtual int Duplicate(int fd);
  // read(2) and writev(2), for descriptors that are no sockets. Writing to a pipe that nobody reads
  // raises SIGPIPE, which Node ignores.
  virtual ssize_t Read(int fd, void* into, size_t length);
  virtual ssize_t Write(int fd, const iovec* slices, size_t count);
  // The status flags of fcntl(2).
  virtual int GetFlags(int fd);
  virtual int SetFlags(int fd, int flags);
  virtual int Shutdown(int fd, int how);
  virtual int Close(int fd);
  virtual int GetOption(int fd, int level, int name, int* value);
  virtual int SetOption(int fd, int level, int name, int value);
  // For options whose value is no int.
  virtual int SetOptionBytes(int fd, int level, int name, const void* value, socklen_t length);
  virtual int LocalName(int fd, sockaddr* address, socklen_t* length);
  virtual int PeerName(int fd, sockaddr* address, socklen_t* length);

  // CLOCK_MONOTONIC in nanoseconds.
  virtual int64_t MonotonicNow();

  virtual int EpollCreate();
  virtual int EpollControl(int epoll_fd, int operation, int fd, epoll_event* event);
  // Never blocks.
  virtual int EpollPoll(int epoll_fd, epoll_event* events, int events_max);
  virtual int TimerCreate();
  // Fires once, at an absolute CLOCK_MONOTONIC time.
  virtual int TimerSet(int timer_fd, const itimerspec* when);
};

// Calls again for as long as a signal interrupts.
template <class Call>
auto RetryInterrupted(Call&& call) {
  auto result = call();
  while (result == -EINTR) result = call();
  return result;
}

}  // namespace gyre

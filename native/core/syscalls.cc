#include "syscalls.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

namespace gyre {

namespace {

template <class Result>
Result OrErrno(Result result) {
  return result < 0 ? static_cast<Result>(-errno) : result;
}

}  // namespace

int Syscalls::Bind(int fd, const sockaddr* address, socklen_t length) {
  return OrErrno(::bind(fd, address, length));
}

int Syscalls::Listen(int fd, int backlog) { return OrErrno(::listen(fd, backlog)); }

int Syscalls::Connect(int fd, const sockaddr* address, socklen_t length) {
  return OrErrno(::connect(fd, address, length));
}

ssize_t Syscalls::Read(int fd, void* into, size_t length) {
  return OrErrno(::read(fd, into, length));
}

ssize_t Syscalls::Write(int fd, const iovec* slices, size_t count) {
  return OrErrno(::writev(fd, slices, static_cast<int>(count)));
}

int Syscalls::GetFlags(int fd) { return OrErrno(::fcntl(fd, F_GETFL)); }

int Syscalls::SetFlags(int fd, int flags) { return OrErrno(::fcntl(fd, F_SETFL, flags)); }

int Syscalls::Shutdown(int fd, int how) { return OrErrno(::shutdown(fd, how)); }

int Syscalls::Close(int fd) { return OrErrno(::close(fd)); }

int Syscalls::GetOption(int fd, int level, int name, int* value) {
  socklen_t length = sizeof *value;
  return OrErrno(::getsockopt(fd, level, name, value, &length));
}

int Syscalls::SetOption(int fd, int level, int name, int value) {
  return OrErrno(::setsockopt(fd, level, name, &value, sizeof value));
}

int Syscalls::SetOptionBytes(int fd, int level, int name, const void* value, socklen_t length) {
  return OrErrno(::setsockopt(fd, level, name, value, length));
}

int Syscalls::LocalName(int fd, sockaddr* address, socklen_t* length) {
  return OrErrno(::getsockname(fd, address, length));
}

int Syscalls::PeerName(int fd, sockaddr* address, socklen_t* length) {
  return OrErrno(::getpeername(fd, address, length));
}

int64_t Syscalls::MonotonicNow() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace gyre

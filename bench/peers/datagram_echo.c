// A UDP echo server with nothing between it and the kernel: epoll, one recvmmsg and one sendmmsg for as
// many datagrams as wait, or a recvfrom and a sendto for each. What a server costs that does as little
// as a server can.
//
//   datagram_echo [each]
//
// Prints its port, and answers each line on its input with what it has used up, as the other arms do.
// Blocks in no call but epoll_wait; what finds no room in the socket is dropped, as UDP may do.

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "serve.h"

enum { kEventsMax = 16, kBatchMax = 64, kDatagramBytesMax = 65536 };

static char* memory;
static struct mmsghdr messages[kBatchMax];
static struct iovec slices[kBatchMax];
static struct sockaddr_in senders[kBatchMax];

static void EchoMany(int fd) {
  for (size_t i = 0; i < kBatchMax; i++) {
    slices[i] = (struct iovec){memory + i * kDatagramBytesMax, kDatagramBytesMax};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &senders[i],
                                          .msg_namelen = sizeof senders[i],
                                          .msg_iov = &slices[i],
                                          .msg_iovlen = 1};
  }
  const int count = recvmmsg(fd, messages, kBatchMax, 0, NULL);
  for (int i = 0; i < count; i++) slices[i].iov_len = messages[i].msg_len;
  if (count > 0) sendmmsg(fd, messages, (unsigned)count, 0);
}

static void EchoEach(int fd) {
  struct sockaddr_in sender;
  socklen_t length = sizeof sender;
  const ssize_t count =
      recvfrom(fd, memory, kDatagramBytesMax, 0, (struct sockaddr*)&sender, &length);
  if (count >= 0) sendto(fd, memory, (size_t)count, 0, (struct sockaddr*)&sender, length);
}

static void Watch(int epoll_fd, int fd, void* data) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) Fail("epoll_ctl");
}

int main(int count, char** arguments) {
  struct epoll_event events[kEventsMax];
  static int input;
  const int each = count > 1 && strcmp(arguments[1], "each") == 0;
  setvbuf(stdin, NULL, _IONBF, 0);
  memory = calloc(kBatchMax, kDatagramBytesMax);
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (memory == NULL || epoll_fd < 0) Fail("no memory");
  const int fd = Bind(SOCK_DGRAM);
  Watch(epoll_fd, fd, NULL);
  Watch(epoll_fd, STDIN_FILENO, &input);
  TellPort(fd);
  for (;;) {
    const int ready = epoll_wait(epoll_fd, events, kEventsMax, -1);
    if (ready < 0 && errno != EINTR) Fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr == &input) TellUsage();
      else if (each) EchoEach(fd);
      else EchoMany(fd);
    }
  }
}

// Load generator for UDP echo servers: a number of sockets, each with a window of datagrams in flight.
//
//   datagrams <port> <sockets> <datagram bytes> <window>
//
// Prints `ready`, and then, for each number N that comes in as a line, sends exactly N datagrams,
// waits until each has come back, and prints one line of JSON: how long it took and what the
// latencies were. A datagram carries the time at which it was sent. UDP may lose some: a window
// must fit the receive buffers of both ends, and what is lost all the same is a failure.
//
// Knows nothing of what serves. Linux only (epoll, sendmmsg).

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "measure.h"

enum { kEventsMax = 256, kBatchMax = 64, kDatagramBytesMax = 65536, kSilenceMs = 2000 };

static size_t datagram_bytes;
static int window;
static int epoll_fd;
static char* memory;
static struct mmsghdr messages[kBatchMax];
static struct iovec slices[kBatchMax];

static int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr*)&server, sizeof server) < 0) Fail("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) Fail("epoll_ctl");
  return fd;
}

static void Describe(size_t index, size_t length) {
  slices[index] = (struct iovec){memory + index * kDatagramBytesMax, length};
  messages[index].msg_hdr = (struct msghdr){.msg_iov = &slices[index], .msg_iovlen = 1};
}

static void Send(int fd, int count) {
  const int64_t now_ns = Now();
  for (int sent = 0; sent < count && started < requests;) {
    int batch = count - sent < kBatchMax ? count - sent : kBatchMax;
    if (batch > requests - started) batch = (int)(requests - started);
    for (int i = 0; i < batch; i++) {
      Describe((size_t)i, datagram_bytes);
      memcpy(slices[i].iov_base, &now_ns, sizeof now_ns);
    }
    const int done = sendmmsg(fd, messages, (unsigned)batch, 0);
    if (done < 0) Fail("sendmmsg");
    started += done;
    sent += done;
  }
}

static void Receive(int fd) {
  for (size_t i = 0; i < kBatchMax; i++) Describe(i, kDatagramBytesMax);
  const int count = recvmmsg(fd, messages, kBatchMax, 0, NULL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) Fail("recvmmsg");
  const int64_t now_ns = Now();
  for (int i = 0; i < count; i++) {
    if (messages[i].msg_len != datagram_bytes) Fail("a datagram came back with another length");
    int64_t sent_at_ns;
    memcpy(&sent_at_ns, slices[i].iov_base, sizeof sent_at_ns);
    CountAnswer(sent_at_ns, now_ns);
  }
  Send(fd, count);
}

static void RunRound(const int* sockets, int count) {
  struct epoll_event events[kEventsMax];
  const int64_t began_at_ns = BeginRound();
  for (int i = 0; i < count; i++) Send(sockets[i], window);
  while (finished < requests) {
    const int ready = epoll_wait(epoll_fd, events, kEventsMax, kSilenceMs);
    if (ready < 0 && errno != EINTR) Fail("epoll_wait");
    if (ready == 0) Fail("a datagram was lost");
    for (int i = 0; i < ready; i++) Receive(events[i].data.fd);
  }
  SayRound(began_at_ns);
}

int main(int count, char** arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: datagrams <port> <sockets> <datagram bytes> <window>\n");
    return 2;
  }
  const int port = atoi(arguments[1]);
  const int socket_count = atoi(arguments[2]);
  datagram_bytes = (size_t)atol(arguments[3]);
  window = atoi(arguments[4]);
  if (datagram_bytes < sizeof(int64_t)) datagram_bytes = sizeof(int64_t);
  memory = calloc(kBatchMax, kDatagramBytesMax);
  int* sockets = calloc((size_t)socket_count, sizeof *sockets);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (memory == NULL || sockets == NULL || epoll_fd < 0) Fail("no memory");
  for (int i = 0; i < socket_count; i++) sockets[i] = Connect(port);
  printf("ready\n");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    requests = atol(line);
    if (requests > 0) RunRound(sockets, socket_count);
  }
  return 0;
}

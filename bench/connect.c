// Load generator for servers whose clients come and go.
//
//   connect <port> <open> <message bytes>
//
// Prints `ready`, and then, for each number N that comes in as a line, makes N connections, at most
// <open> at a time; sends a message on each, waits until it has come back, and closes it. Prints one
// line of JSON: how long it took, and how long one connection took from its connect to its answer.
// With <open> 0 the connections stay open until the line `close` comes, which is answered with
// `closed`. Exits when its input ends, and with a message when the server fails it.
//
// Each connection comes from an address of its own choosing within 127/8: what one address leaves in
// TIME_WAIT would soon use up its ports. Linux only (epoll).

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

enum { kEventsMax = 256, kSourceAddresses = 200 };

struct Connection {
  int fd;
  int is_sent;
  size_t missing_bytes;
  int64_t started_at_ns;
};

static int epoll_fd;
static int port;
static long open_max;
static size_t message_bytes;
static char* message;
static struct Connection* connections;

static void Start(void) {
  static uint32_t source;
  const int yes = 1;
  struct Connection* connection = &connections[started++];
  struct sockaddr_in from = {.sin_family = AF_INET};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct epoll_event event = {.events = EPOLLOUT | EPOLLIN, .data.ptr = connection};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + source++ % kSourceAddresses);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) Fail("socket");
  setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (bind(connection->fd, (struct sockaddr*)&from, sizeof from) < 0) Fail("bind");
  connection->is_sent = 0;
  connection->missing_bytes = message_bytes;
  connection->started_at_ns = Now();
  if (connect(connection->fd, (struct sockaddr*)&to, sizeof to) < 0 && errno != EINPROGRESS)
    Fail("connect");
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0) Fail("epoll_ctl");
}

static void Finish(struct Connection* connection) {
  CountAnswer(connection->started_at_ns, Now());
  if (open_max == 0) {
    if (epoll_ctl(epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL) < 0) Fail("epoll_ctl");
  } else {
    close(connection->fd);
  }
}

// Connected: the message, which is small enough for any socket's buffer.
static void Send(struct Connection* connection) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (send(connection->fd, message, message_bytes, MSG_NOSIGNAL) != (ssize_t)message_bytes)
    Fail("send");
  connection->is_sent = 1;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) < 0) Fail("epoll_ctl");
}

static void Receive(struct Connection* connection) {
  char buffer[65536];
  const ssize_t count = recv(connection->fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) Fail("the server closed a connection");
  connection->missing_bytes -= (size_t)count;
  if (connection->missing_bytes == 0) Finish(connection);
}

static void RunRound(void) {
  struct epoll_event events[kEventsMax];
  connections = realloc(connections, (size_t)requests * sizeof *connections);
  if (connections == NULL) Fail("no memory");
  // Those that stay are made a few at a time too: no server's backlog holds them all.
  const long at_a_time = open_max == 0 ? 100 : open_max;
  const int64_t began_at_ns = BeginRound();
  while (finished < requests) {
    while (started < requests && started - finished < at_a_time) Start();
    const int ready = epoll_wait(epoll_fd, events, kEventsMax, -1);
    if (ready < 0 && errno != EINTR) Fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      struct Connection* connection = events[i].data.ptr;
      if (events[i].events & (EPOLLERR | EPOLLHUP)) Fail("a connection failed");
      if (!connection->is_sent) Send(connection);
      else Receive(connection);
    }
  }
  SayRound(began_at_ns);
}

static void CloseAll(void) {
  if (open_max == 0)
    for (long i = 0; i < finished; i++) close(connections[i].fd);
  finished = 0;
  printf("closed\n");
  fflush(stdout);
}

static void RaiseLimit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) Fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) Fail("setrlimit");
}

int main(int count, char** arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: connect <port> <open> <message bytes>\n");
    return 2;
  }
  port = atoi(arguments[1]);
  open_max = atol(arguments[2]);
  message_bytes = (size_t)atol(arguments[3]);
  message = malloc(message_bytes);
  if (message == NULL) Fail("no memory");
  memset(message, 'x', message_bytes);
  RaiseLimit();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) Fail("epoll_create1");
  printf("ready\n");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    requests = atol(line);
    if (strncmp(line, "close", 5) == 0) CloseAll();
    else if (requests > 0) RunRound();
  }
  return 0;
}

// Load generator for echo servers: a number of connections, each with a window of messages in
// flight.
//
//   load <port> <connections> <message bytes> <window>
//
// Connects, prints `ready`, and then, for each number N that comes in as a line, sends exactly N
// messages, waits until each has come back whole, and prints one line of JSON: how long it took and
// what the latencies were. The connections stay open between rounds, so that a round measures
// nothing but the exchange. Exits when its input ends, and with a message when the server fails it.
//
// Knows nothing of what serves. Linux only (epoll); node_load.ts does the same elsewhere.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

enum { kEventsMax = 256, kReceiveBytes = 256 * 1024 };

// Messages are sent and come back in order, so the sending times of a window form a ring.
struct Connection {
  int fd;
  int wants_writable;
  size_t unsent_bytes;
  size_t received_bytes;
  uint32_t sent;
  uint32_t answered;
  int64_t* sent_at_ns;
};

static size_t message_bytes;
static uint32_t window;
static int epoll_fd;
static char* messages;
static char* receive_buffer;

static void Watch(struct Connection* connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, operation, connection->fd, &event) < 0) Fail("epoll_ctl");
}

static void Connect(struct Connection* connection, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int yes = 1;
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) Fail("socket");
  if (connect(connection->fd, (struct sockaddr*)&address, sizeof address) < 0) Fail("connect");
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  connection->sent_at_ns = calloc(window, sizeof *connection->sent_at_ns);
  Watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void WantWritable(struct Connection* connection, int wants) {
  if (connection->wants_writable == wants) return;
  connection->wants_writable = wants;
  Watch(connection, EPOLL_CTL_MOD, wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// Sends the rest of the messages at hand, and as many further ones as the window and the round allow.
// All messages are the same, so it does not matter where in them a rest begins.
static void Send(struct Connection* connection) {
  for (;;) {
    if (connection->unsent_bytes == 0) {
      const int64_t now_ns = Now();
      while (started < requests && connection->sent - connection->answered < window) {
        started++;
        connection->sent_at_ns[connection->sent++ % window] = now_ns;
        connection->unsent_bytes += message_bytes;
      }
      if (connection->unsent_bytes == 0) break;
    }
    const ssize_t count =
        send(connection->fd, messages, connection->unsent_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) Fail("send");
      WantWritable(connection, 1);
      return;
    }
    connection->unsent_bytes -= (size_t)count;
  }
  WantWritable(connection, 0);
}

static void Receive(struct Connection* connection) {
  const ssize_t count = recv(connection->fd, receive_buffer, kReceiveBytes, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) Fail("the server closed a connection");
  connection->received_bytes += (size_t)count;
  if (connection->received_bytes < message_bytes) return;
  const int64_t now_ns = Now();
  while (connection->received_bytes >= message_bytes) {
    connection->received_bytes -= message_bytes;
    const int64_t sent_at_ns = connection->sent_at_ns[connection->answered++ % window];
    CountAnswer(sent_at_ns, now_ns);
  }
  Send(connection);
}

static void RunRound(struct Connection* connections, int count) {
  struct epoll_event events[kEventsMax];
  const int64_t began_at_ns = BeginRound();
  for (int i = 0; i < count; i++) Send(&connections[i]);
  while (finished < requests) {
    const int ready = epoll_wait(epoll_fd, events, kEventsMax, -1);
    if (ready < 0 && errno != EINTR) Fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      struct Connection* connection = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) Send(connection);
      if (events[i].events & ~(uint32_t)EPOLLOUT) Receive(connection);
    }
  }
  SayRound(began_at_ns);
}

int main(int count, char** arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: load <port> <connections> <message bytes> <window>\n");
    return 2;
  }
  const int port = atoi(arguments[1]);
  const int connection_count = atoi(arguments[2]);
  message_bytes = (size_t)atol(arguments[3]);
  window = (uint32_t)atoi(arguments[4]);
  messages = malloc(window * message_bytes);
  receive_buffer = malloc(kReceiveBytes);
  struct Connection* connections = calloc((size_t)connection_count, sizeof *connections);
  if (messages == NULL || receive_buffer == NULL || connections == NULL) Fail("no memory");
  memset(messages, 'x', window * message_bytes);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) Fail("epoll_create1");
  for (int i = 0; i < connection_count; i++) Connect(&connections[i], port);
  printf("ready\n");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    requests = atol(line);
    if (requests > 0) RunRound(connections, connection_count);
  }
  return 0;
}

// An echo server with nothing between it and the kernel: epoll, one recv and one send a message, socket
// by socket. What a server costs that does as little as a server can.
//
// Prints its port, and answers each line on its input with what it has used up, as the other arms do.

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "serve.h"

enum { kEventsMax = 1024, kReceiveBytes = 256 * 1024 };

struct Connection {
  int fd;
  char* unsent;
  size_t unsent_bytes;
};

static int epoll_fd;
static char receive_buffer[kReceiveBytes];

static void Watch(int operation, int fd, uint32_t events, void* data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) Fail("epoll_ctl");
}

static void Accept(int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct Connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) Fail("no memory");
    connection->fd = fd;
    Watch(EPOLL_CTL_ADD, fd, EPOLLIN, connection);
  }
}

static void Close(struct Connection* connection) {
  close(connection->fd);
  free(connection->unsent);
  free(connection);
}

// Sends what it can; keeps the rest, and stops reading until it is gone.
static void Send(struct Connection* connection, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t count = send(connection->fd, data, bytes, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
      Close(connection);
      return;
    }
    if (count < 0) break;
    data += count;
    bytes -= (size_t)count;
  }
  if (bytes > 0) {
    char* rest = malloc(bytes);
    if (rest == NULL) Fail("no memory");
    memcpy(rest, data, bytes);
    free(connection->unsent);
    connection->unsent = rest;
    Watch(EPOLL_CTL_MOD, connection->fd, EPOLLOUT, connection);
  } else if (connection->unsent != NULL) {
    free(connection->unsent);
    connection->unsent = NULL;
    Watch(EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
  }
  connection->unsent_bytes = bytes;
}

static void Receive(struct Connection* connection) {
  const ssize_t count = recv(connection->fd, receive_buffer, kReceiveBytes, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) Close(connection);
  else Send(connection, receive_buffer, (size_t)count);
}

int main(void) {
  struct epoll_event events[kEventsMax];
  static int input, listening;
  setvbuf(stdin, NULL, _IONBF, 0);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) Fail("epoll_create1");
  const int listener = Listen();
  Watch(EPOLL_CTL_ADD, listener, EPOLLIN, &listening);
  Watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &input);
  for (;;) {
    const int ready = epoll_wait(epoll_fd, events, kEventsMax, -1);
    if (ready < 0 && errno != EINTR) Fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      struct Connection* connection = events[i].data.ptr;
      if (events[i].data.ptr == &listening) Accept(listener);
      else if (events[i].data.ptr == &input) TellUsage();
      else if (events[i].events & EPOLLOUT) Send(connection, connection->unsent, connection->unsent_bytes);
      else Receive(connection);
    }
  }
}

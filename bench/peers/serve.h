// What the servers in C have in common: the socket on the loopback, whose port is the first line
// they print, and the answer to each line on their input, which is what the process has used up. Each is
// one source file and a process of its own, so all of it is static.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static int Bind(int type) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) < 0) Fail("bind");
  return fd;
}

static void TellPort(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &length) < 0) Fail("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

// What is accepted has TCP_NODELAY too: Linux hands it down. Not for every server here.
static inline int Listen(void) {
  const int yes = 1;
  const int fd = Bind(SOCK_STREAM);
  if (listen(fd, 1024) < 0) Fail("listen");
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) Fail("TCP_NODELAY");
  TellPort(fd);
  return fd;
}

static long long ResidentBytes(void) {
  long long total = 0, resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%lld %lld", &total, &resident) != 2) Fail("/proc/self/statm");
  fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

// REQUIRES: standard input has no buffer, or lines in it would be missed by whoever waits for the
// descriptor.
static void TellUsage(void) {
  char line[64];
  struct rusage usage;
  if (fgets(line, sizeof line, stdin) == NULL) exit(0);
  getrusage(RUSAGE_SELF, &usage);
  const int64_t cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
                         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  printf("{\"cpuUs\":%lld,\"rssBytes\":%lld,\"rssPeakBytes\":%ld}\n", (long long)cpu_us,
         ResidentBytes(), usage.ru_maxrss * 1024);
  fflush(stdout);
}

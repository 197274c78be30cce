// What the load generators have in common: the clock, a round's latencies, and the line of JSON that
// says what a round found. Each is one source file and a process of its own, so all of it is static.

#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t* latencies_ns;
// Of this round: how many there are to be, were begun, and are answered.
static long requests, started, finished;

static void Fail(const char* what) {
  fprintf(stderr, "load: %s: %s\n", what, errno == 0 ? "failed" : strerror(errno));
  exit(1);
}

static int64_t Now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Begins a round of `requests`; returns the time.
static int64_t BeginRound(void) {
  latencies_ns = realloc(latencies_ns, (size_t)requests * sizeof *latencies_ns);
  if (latencies_ns == NULL) Fail("no memory");
  started = finished = 0;
  return Now();
}

static void CountAnswer(int64_t sent_at_ns, int64_t now_ns) {
  latencies_ns[finished++] = (uint32_t)(now_ns - sent_at_ns);
}

static int CompareLatencies(const void* left, const void* right) {
  const uint32_t a = *(const uint32_t*)left;
  const uint32_t b = *(const uint32_t*)right;
  return (a > b) - (a < b);
}

static double MicrosecondsAt(double quantile) {
  return latencies_ns[(long)((double)(requests - 1) * quantile)] / 1e3;
}

static void SayRound(int64_t began_at_ns) {
  const double elapsed_us = (double)(Now() - began_at_ns) / 1e3;
  qsort(latencies_ns, (size_t)requests, sizeof *latencies_ns, CompareLatencies);
  printf("{\"elapsedUs\":%.1f,\"p50Us\":%.1f,\"p99Us\":%.1f,\"maxUs\":%.1f}\n", elapsed_us,
         MicrosecondsAt(0.5), MicrosecondsAt(0.99), MicrosecondsAt(1));
  fflush(stdout);
}

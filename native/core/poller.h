// What the core requires of a readiness poller. Each system supplies the member functions in a
// file of its own, chosen by the build (poller_epoll.cc); the core knows only this contract.
//
// - Level-triggered: what was not dealt with is reported again.
// - Wait never blocks. Whoever hosts the loop sleeps on descriptor(), which is readable exactly
//   while Wait has something to report.
// - One timer wakes the sleeper at an absolute time, to the microsecond or better. Its firing is
//   an event of its own (kTimerTag) and needs no acknowledgement.
// - A descriptor leaves the set by being closed; Unwatch is only for one that stays open. An event
//   of a closed one may therefore still come (a child between fork and exec keeps it open), which
//   is why events carry a tag with a generation and not a descriptor or a pointer.

#pragma once

#include <cstdint>

#include "layout.h"
#include "syscalls.h"

namespace gyre {

// What is asked of a poller, and what it answers.
enum Readiness : uint32_t {
  kReadable = 1,
  kWritable = 2,
  // Answer only: the peer has finished sending; what it sent stands in the receive buffer.
  kPeerFinished = 4,
  // Failed or closed in both directions; reading or writing tells more. Comes unasked with the
  // others; as the only interest, it asks for nothing else.
  kBroken = 8,
};

// Whose token stands in the tag of an event.
enum class TagClass : uint8_t { kEndpoint = 0, kDatagram = 1, kWatcher = 2 };

constexpr uint64_t MakeTag(TagClass tag_class, Token token) {
  return uint64_t{static_cast<uint8_t>(tag_class)} << 56 | uint64_t{token.generation} << 32 |
         token.slot;
}
constexpr TagClass TagClassOf(uint64_t tag) { return static_cast<TagClass>(tag >> 56); }
constexpr Token TokenOf(uint64_t tag) {
  return {static_cast<uint32_t>(tag), static_cast<uint32_t>(tag >> 32) & kGenerationMask};
}

struct PollEvent {
  uint64_t tag;
  uint32_t readiness;
};

class Poller {
 public:
  static constexpr int kEventsMax = 256;
  static constexpr uint64_t kTimerTag = UINT64_MAX;

  explicit Poller(Syscalls& syscalls) : syscalls_(syscalls) {}
  ~Poller() { Close(); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Makes the descriptors; does nothing when they are there. Returns 0 or a negative errno.
  int Open();
  void Close();
  bool is_open() const { return poll_fd_ >= 0; }
  int descriptor() const { return poll_fd_; }

  // REQUIRES for all below: is_open(). They return 0 (Wait: a count) or a negative errno.
  int Watch(int fd, uint64_t tag, uint32_t interest);
  int Rewatch(int fd, uint64_t tag, uint32_t interest);
  int Unwatch(int fd);
  int Wait(PollEvent* events, int events_max);
  int SetTimer(int64_t monotonic_ns);

 private:
  Syscalls& syscalls_;
  int poll_fd_ = -1;
  int timer_fd_ = -1;
};

}  // namespace gyre

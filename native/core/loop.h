// The native half of an event loop: rings, clock, timers and sockets, put together. Whoever hosts
// it calls, in turns: Poll, then TypeScript consumes the ready ring, then Drain; and before it
// sleeps, PrepareToWait.
// Invariants: 1. Nothing here blocks, and nothing here calls back.
//             2. After Close no method touches the shared memory again.
// Knows nothing of Node-API or libuv. Does not own the shared memory. Single-threaded.

#pragma once

#include <cstdint>
#include <span>

#include "clock.h"
#include "layout.h"
#include "network.h"
#include "poller.h"
#include "ready_ring.h"
#include "submission_ring.h"
#include "syscalls.h"
#include "timer_wheel.h"

namespace gyre {

class Loop {
 public:
  struct Options {
    int64_t clock_origin_ns = 0;
    // Time passes by Advance() only.
    bool is_virtual = false;
  };

  enum class Rest {
    kSleep,  // until poll_descriptor() is readable, if it is open
    kGoOn,   // there is something to do already
  };

  // REQUIRES: control has kControlWords words; the rings' sizes are powers of two.
  Loop(Syscalls& syscalls, uint32_t* control, std::span<Entry> ready, std::span<Entry> submissions,
       const Options& options);
  ~Loop() { Close(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // See ReadyRing::Attach.
  void SetReadyRing(std::span<Entry> ring);

  // Carries out all submissions, in order, and appends what streams have to say about it.
  void Drain();

  // Appends one batch of readiness, if `ask_poller` or a part of the last one is left, and the
  // timers that are due.
  void Poll(bool ask_poller);

  // Gets everything ready for a sleep: what is not submitted yet, the poller's interests, its
  // timer.
  Rest PrepareToWait();

  // Virtual loops: moves the clock to the next deadline and appends the timers of exactly that
  // deadline (those that were late when they were armed count as due now). Drains first.
  // Returns the clock's new time in nanoseconds, or -1 if no timer is armed.
  int64_t Advance();

  // Makes poll_descriptor() valid. Returns 0 or a negative errno.
  int OpenPoller() { return poller_.Open(); }
  int poll_descriptor() const { return poller_.descriptor(); }

  // True while something can still happen: a timer, a listener, a stream that waits for something.
  // A virtual timer cannot happen by itself.
  bool IsAlive() const {
    return network_.IsWaiting() || (wheel_.size() > 0 && !clock_.is_virtual());
  }
  bool HasLeftover() const { return network_.HasLeftover(); }
  uint32_t ready_size() const { return ready_.size(); }
  bool HasReadyEntries() const { return !ready_.empty(); }
  bool WantsReceiveSlab() const {
    return control_[kReceiveSlabWanted] != 0 || control_[kReceiveSlabSpent] != 0;
  }
  void SetAsleep(bool asleep) { control_[kAsleep] = asleep ? 1 : 0; }
  void PutResult(Token token) {
    control_[kResultSlot] = token.slot;
    control_[kResultGeneration] = token.generation;
  }

  Network& network() { return network_; }
  uint32_t timer_count() const { return wheel_.size(); }
  int64_t MonotonicNow() { return syscalls_.MonotonicNow(); }

  void Close();
  bool is_closed() const { return closed_; }

 private:
  static constexpr uint64_t kNotArmed = UINT64_MAX;

  void HandleTimer(const Entry& request);
  uint32_t FireTimers(uint64_t now_ns);
  Rest PrepareTimer();

  Syscalls& syscalls_;
  uint32_t* control_;
  Clock clock_;
  ReadyRing ready_;
  SubmissionRing submissions_;
  TimerWheel wheel_;
  Poller poller_;
  Network network_;
  // When the poller's timer goes off, or went off.
  uint64_t wakeup_ns_ = kNotArmed;
  bool closed_ = false;
};

}  // namespace gyre

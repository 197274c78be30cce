#include "loop.h"

#include <cmath>

namespace gyre {

namespace {

// Deadlines are whole nanoseconds in a double. What lies beyond either end of the clock, and what
// is no number, is brought to the end it lies beyond (or to "at once").
uint64_t DeadlineNs(double deadline) {
  constexpr double kEnd = 9.2e18;
  if (!(deadline > 0)) return 0;
  return static_cast<uint64_t>(deadline < kEnd ? std::ceil(deadline) : kEnd);
}

}  // namespace

Loop::Loop(Syscalls& syscalls, uint32_t* control, std::span<Entry> ready,
           std::span<Entry> submissions, const Options& options)
    : syscalls_(syscalls),
      control_(control),
      clock_(syscalls, options.clock_origin_ns, options.is_virtual),
      ready_(control),
      submissions_(control, submissions.data(), static_cast<uint32_t>(submissions.size())),
      poller_(syscalls),
      network_(syscalls, poller_, ready_, control) {
  SetReadyRing(ready);
}

void Loop::SetReadyRing(std::span<Entry> ring) {
  ready_.Attach(ring.data(), static_cast<uint32_t>(ring.size()));
}

void Loop::Drain() {
  while (!submissions_.empty()) {
    const Entry request = submissions_.Take();
    const Op op = static_cast<Op>(request.code());
    if (op == Op::kTimerArm || op == Op::kTimerCancel) {
      HandleTimer(request);
    } else {
      network_.Handle(request);
    }
  }
  network_.FlushSends();
  network_.FlushReports();
}

void Loop::HandleTimer(const Entry& request) {
  if (request.slot >= TimerWheel::kSlotsMax) return;
  if (static_cast<Op>(request.code()) == Op::kTimerCancel) {
    wheel_.Cancel(request.token());
  } else {
    wheel_.Arm(request.token(), DeadlineNs(request.deadline()));
  }
}

void Loop::Poll(bool ask_poller) {
  network_.FlushReports();
  if (ask_poller || network_.HasLeftover()) network_.Poll();
  if (wheel_.size() > 0) FireTimers(clock_.NowNs());
}

uint32_t Loop::FireTimers(uint64_t now_ns) {
  return wheel_.Advance(now_ns, [this](Token timer) { return ready_.Append(Kind::kTimer, timer); });
}

Loop::Rest Loop::PrepareToWait() {
  Drain();
  if (poller_.is_open()) network_.SyncInterests();
  if (HasReadyEntries() || network_.HasReports() || HasLeftover()) return Rest::kGoOn;
  if (clock_.is_virtual() || wheel_.size() == 0) return Rest::kSleep;
  return PrepareTimer();
}

Loop::Rest Loop::PrepareTimer() {
  const uint64_t now_ns = clock_.NowNs();
  const uint64_t bound_ns = wheel_.NextBound();
  if (bound_ns <= now_ns) return Rest::kGoOn;
  // The timer is left alone when it goes off early enough: waking once too often after a
  // cancellation is cheaper than a system call for every cancellation.
  const bool is_armed = wakeup_ns_ != kNotArmed && wakeup_ns_ > now_ns;
  if (is_armed && wakeup_ns_ <= bound_ns) return Rest::kSleep;
  // Without a descriptor to sleep on, going round is dear but keeps time.
  if (poller_.Open() < 0 || poller_.SetTimer(clock_.MonotonicNs(bound_ns)) < 0) return Rest::kGoOn;
  wakeup_ns_ = bound_ns;
  return Rest::kSleep;
}

int64_t Loop::Advance() {
  Drain();
  if (wheel_.size() == 0) return -1;
  // A bound may lie before the first deadline, and then nothing fires; each step halves the doubt.
  while (ready_.room() > 0) {
    const uint64_t bound_ns = wheel_.NextBound();
    clock_.MoveTo(bound_ns);
    if (FireTimers(bound_ns) > 0) break;
  }
  return static_cast<int64_t>(clock_.NowNs());
}

void Loop::Close() {
  if (closed_) return;
  closed_ = true;
  network_.CloseAll();
  poller_.Close();
}

}  // namespace gyre

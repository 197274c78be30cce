#include "host_uv.h"

namespace gyre {

// In one allocation, freed when libuv has closed the last of them.
struct Host::Handles {
  Host* host;
  HandleCensus* census;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;
  uv_poll_t poll;
  int open = 3;
  bool has_poll = false;
  bool is_idle_active = false;
};

void Host::OpenHandles() {
  if (handles_ != nullptr) return;
  handles_ = new Handles;
  handles_->host = this;
  handles_->census = &census_;
  census_.Add();
  uv_prepare_init(uv_, &handles_->prepare);
  uv_check_init(uv_, &handles_->check);
  uv_idle_init(uv_, &handles_->idle);
  handles_->prepare.data = handles_->check.data = handles_->idle.data = handles_;
  // These two only accompany the others; they are no reason to stay alive.
  uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->prepare));
  uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->check));
}

// Returns false when there is no descriptor to be had, or none is needed yet.
bool Host::OpenPoll() {
  if (handles_->has_poll) return true;
  if (loop_.OpenPoller() < 0) return false;
  if (uv_poll_init(uv_, &handles_->poll, loop_.poll_descriptor()) != 0) return false;
  handles_->poll.data = handles_;
  handles_->has_poll = true;
  ++handles_->open;
  uv_poll_start(&handles_->poll, UV_READABLE, OnReadable);
  return true;
}

void Host::SetActive(bool active) {
  if (active == active_ || loop_.is_closed()) return;
  active_ = active;
  if (active) {
    OpenHandles();
    uv_prepare_start(&handles_->prepare, OnPrepare);
    uv_check_start(&handles_->check, OnCheck);
    if (handles_->has_poll) uv_poll_start(&handles_->poll, UV_READABLE, OnReadable);
    GoOn();
    Refresh();
  } else {
    uv_prepare_stop(&handles_->prepare);
    uv_check_stop(&handles_->check);
    uv_idle_stop(&handles_->idle);
    handles_->is_idle_active = false;
    if (handles_->has_poll) uv_poll_stop(&handles_->poll);
    // Nobody needs to wake a loop that will look by itself when it becomes active.
    loop_.SetAsleep(false);
  }
}

void Host::Wake() {
  if (active_) GoOn();
}

// There is more to do: libuv does not block, and the check that follows visits.
void Host::GoOn() {
  loop_.SetAsleep(false);
  if (handles_->is_idle_active) return;
  // The callback does nothing: that an idle handle is active is what counts.
  uv_idle_start(&handles_->idle, [](uv_idle_t*) {});
  handles_->is_idle_active = true;
}

void Host::Refresh() {
  if (!active_) return;
  const bool is_alive = loop_.IsAlive();
  if (is_alive && !OpenPoll()) {
    GoOn();
    return;
  }
  if (handles_->has_poll) {
    auto* poll = reinterpret_cast<uv_handle_t*>(&handles_->poll);
    is_alive ? uv_ref(poll) : uv_unref(poll);
  }
  // What there is to say already must be heard, even if nothing else can happen any more.
  if (!visiting_ && (loop_.HasReadyEntries() || loop_.network().HasReports())) GoOn();
}

void Host::OnPrepare(uv_prepare_t* handle) { static_cast<Handles*>(handle->data)->host->Prepare(); }

void Host::Prepare() {
  visited_ = false;
  const Loop::Rest rest = loop_.PrepareToWait();
  if (rest == Loop::Rest::kGoOn) {
    GoOn();
  } else {
    uv_idle_stop(&handles_->idle);
    handles_->is_idle_active = false;
    loop_.SetAsleep(true);
  }
  Refresh();
}

void Host::OnCheck(uv_check_t* handle) {
  auto* handles = static_cast<Handles*>(handle->data);
  // libuv has just asked our descriptor, so that this visit need not ask the poller.
  if (handles->is_idle_active && !handles->host->visited_) handles->host->Visit(false);
}

void Host::OnReadable(uv_poll_t* handle, int, int) {
  static_cast<Handles*>(handle->data)->host->Visit(true);
}

void Host::Visit(bool is_readable) {
  if (!active_ || visiting_) return;
  visiting_ = visited_ = true;
  const int64_t end_ns = loop_.MonotonicNow() + kVisitBudgetNs;
  bool ask_poller = is_readable;
  for (int round = 1; Round(ask_poller) && loop_.MonotonicNow() < end_ns; ++round) {
    ask_poller = round % kRoundsPerPoll == 0 && loop_.network().IsWaiting();
  }
  visiting_ = false;
  if (!active_) return;
  if (loop_.HasReadyEntries()) {
    GoOn();
  } else {
    loop_.SetAsleep(true);
  }
  Refresh();
}

// Returns true if there is more to do. The loop may have been closed, or made inactive, by the
// time TypeScript returns.
bool Host::Round(bool ask_poller) {
  visitor_.CheckReceiveSlab();
  loop_.Poll(ask_poller);
  if (!loop_.HasReadyEntries() && !loop_.WantsReceiveSlab()) return false;
  loop_.SetAsleep(false);
  const bool may_go_on = visitor_.EnterTypeScript();
  if (loop_.is_closed()) return false;
  loop_.Drain();
  return may_go_on && active_ && (loop_.HasReadyEntries() || loop_.HasLeftover());
}

void Host::Close() {
  active_ = false;
  if (handles_ == nullptr) return;
  Handles* handles = handles_;
  handles_ = nullptr;
  handles->host = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->prepare), OnHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->check), OnHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles->idle), OnHandleClosed);
  if (handles->has_poll) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handles->poll), OnHandleClosed);
  }
}

void Host::OnHandleClosed(uv_handle_t* handle) {
  auto* handles = static_cast<Handles*>(handle->data);
  if (--handles->open > 0) return;
  HandleCensus* census = handles->census;
  delete handles;
  census->Remove();
}

}  // namespace gyre

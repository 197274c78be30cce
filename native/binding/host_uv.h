// Gives a loop its turns inside libuv's loop: one crossing into TypeScript per turn, and a sleep
// shared with everything else of the thread.
//
//   prepare   just before libuv may block: drain, arm the timer, say whether there is more to do
//   poll      the loop's poller became readable: visit
//   check     just after: visit if there was more to do and nobody has visited yet
//   idle      active exactly while there is more to do; it keeps libuv from blocking
//
// A visit takes what has happened, enters TypeScript, and goes on while there is more, for about a
// millisecond; then libuv's own handles get their share.
// Invariants: 1. The handles exist from the first activation to Close, and run only while active.
//             2. libuv's loop is kept alive (by the poll handle, or by idle) exactly while the loop
//                is active and something can still happen in it.
//             3. Close may be called at any time, also from within a visit. The handles outlive the
//                host until libuv has closed them.
// Knows nothing of Node-API: the visitor enters TypeScript.

#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>

#include "../core/loop.h"

namespace gyre {

// What the host asks of the one who made it.
class Visitor {
 public:
  // Called before the loop receives; the receive slab may have been taken away.
  virtual void CheckReceiveSlab() = 0;
  // Lets TypeScript consume the ready ring. Returns false when it can run no more.
  virtual bool EnterTypeScript() = 0;

 protected:
  ~Visitor() = default;
};

// Counts, for one environment, the hosts whose handles libuv has not closed yet: until there are
// none the environment must not go away.
class HandleCensus {
 public:
  void Add() { ++count_; }
  void Remove() {
    if (--count_ == 0 && on_none_) on_none_();
  }
  // Calls `on_none` once there are none, which may be at once.
  void WhenNone(std::function<void()> on_none) {
    on_none_ = std::move(on_none);
    if (count_ == 0) on_none_();
  }

 private:
  uint32_t count_ = 0;
  std::function<void()> on_none_;
};

class Host {
 public:
  // All outlive the host; the census also outlives the handles.
  Host(uv_loop_t* uv, Loop& loop, Visitor& visitor, HandleCensus& census)
      : uv_(uv), loop_(loop), visitor_(visitor), census_(census) {}
  ~Host() { Close(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // A loop that is not active is never visited. Becoming active brings a visit.
  void SetActive(bool active);
  bool is_active() const { return active_; }

  // Something was put into a ring from outside a visit: visit in this or the next turn of libuv.
  void Wake();

  // To be called when, outside a visit, the loop was asked for something.
  void Refresh();

  void Close();

 private:
  // Long enough for TypeScript to get through many turns, short enough that nobody else notices.
  static constexpr int64_t kVisitBudgetNs = 1'000'000;
  // Every so many rounds of one visit the poller is asked again, so that sockets do not starve
  // behind callbacks that keep scheduling callbacks.
  static constexpr int kRoundsPerPoll = 8;

  struct Handles;

  static void OnPrepare(uv_prepare_t* handle);
  static void OnCheck(uv_check_t* handle);
  static void OnReadable(uv_poll_t* handle, int status, int events);
  static void OnHandleClosed(uv_handle_t* handle);

  void OpenHandles();
  bool OpenPoll();
  void Prepare();
  void Visit(bool is_readable);
  bool Round(bool ask_poller);
  void GoOn();

  uv_loop_t* uv_;
  Loop& loop_;
  Visitor& visitor_;
  HandleCensus& census_;
  Handles* handles_ = nullptr;
  bool active_ = false;
  bool visiting_ = false;
  bool visited_ = false;  // since libuv last prepared to block
};

}  // namespace gyre

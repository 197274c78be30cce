// The descriptors of others that a loop watches: it says when they are ready, and does nothing with
// them. Level-triggered: what stays ready is said again, once the last time was heard.
// Invariants: 1. At most one entry of a watcher stands in the ready ring.
//             2. A watcher says only what it was asked for; a broken descriptor is ready for all of
//                it, as reading or writing tells more.
// A descriptor may be closed while it is watched, and its number used again: then the watcher says
// nothing more until it is asked for something again. Owns no descriptor.

#pragma once

#include <cstdint>
#include <optional>

#include "layout.h"
#include "poller.h"
#include "ready_ring.h"
#include "slot_table.h"

namespace gyre {

class Watchers {
 public:
  // Both outlive the table.
  Watchers(Poller& poller, ReadyRing& ready) : poller_(poller), ready_(ready) {}
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  // Begins to watch; `interest` is a non-empty set of kReadable and kWritable. Returns 0 or a
  // negative errno: EBADF, EPERM for what cannot be waited for (a regular file), EEXIST for what
  // the poller knows already.
  int Watch(int fd, uint32_t interest, Token* token);

  // Changes the interest, or makes sure of the same. Returns 0 or a negative errno.
  int SetInterest(Token token, uint32_t interest);

  // Ends the watch. `is_foreign`: the number now stands for a descriptor that somebody else has
  // the poller watch, which must go on.
  void Unwatch(Token token, bool is_foreign);

  // -1 for a stale token.
  int DescriptorOf(Token token);

  // Returns false if the event has to wait for room. A stale one is no event.
  bool Dispatch(Token token, uint32_t readiness);

  uint32_t count() const { return count_; }

  // Forgets every watch; the poller is about to be closed.
  void Clear();

 private:
  struct Watcher {
    int fd;
    uint32_t interest;
    bool has_reported = false;
    uint32_t reported_at = 0;  // valid if has_reported: the ring's tail behind its last entry
  };

  Watcher* Find(Token token);
  void Retire(Token token);

  Poller& poller_;
  ReadyRing& ready_;
  SlotTable<std::optional<Watcher>> watchers_;
  uint32_t count_ = 0;
};

}  // namespace gyre

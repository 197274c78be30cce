// What the poller does not know yet of a table's endpoints, and how many of them wait for
// something. The poller is told just before it is asked, so that what changes back and forth within
// a turn costs no system call.
// An Endpoint has token(), fd(), is_closed(), Interest(), Fail(), stale_link, and the notes
// `watched` and `waiting`.
// Invariants: 1. An endpoint stands on the list iff the poller knows another interest of it than
//                it has.
//             2. waiting() is the number of endpoints that have an interest.

#pragma once

#include <cstdint>

#include "intrusive_list.h"
#include "layout.h"
#include "poller.h"

namespace gyre {

template <class Endpoint>
class InterestList {
 public:
  InterestList(Poller& poller, TagClass tag_class) : poller_(poller), tag_class_(tag_class) {}

  uint32_t waiting() const { return waiting_; }

  // To be called after anything that may have changed what the endpoint waits for.
  void Note(Endpoint& endpoint) {
    const uint32_t interest = endpoint.Interest();
    if ((interest != 0) != endpoint.notes.waiting) {
      endpoint.notes.waiting = interest != 0;
      endpoint.notes.waiting ? ++waiting_ : --waiting_;
    }
    // A closed descriptor has left the poller, by itself or by whoever closed it.
    if (endpoint.is_closed()) endpoint.notes.watched = 0;
    if (interest != endpoint.notes.watched) {
      stale_.Append(endpoint);
    } else {
      stale_.Remove(endpoint);
    }
  }

  // The endpoint is about to be destroyed.
  void Forget(Endpoint& endpoint) {
    stale_.Remove(endpoint);
    if (endpoint.notes.waiting) --waiting_;
    endpoint.notes.waiting = false;
  }

  // Brings the poller up to date. `on_failed` hears of each endpoint that failed over it.
  template <class OnFailed>
  void Sync(OnFailed&& on_failed) {
    while (!stale_.empty()) {
      Endpoint& endpoint = stale_.PopFront();
      const int result = Tell(endpoint);
      if (result == 0) {
        endpoint.notes.watched = endpoint.Interest();
      } else {
        // Out of memory or of watches: what can never be woken again has failed.
        endpoint.Fail(-result, Operation::kRead);
        on_failed(endpoint);
      }
    }
  }

 private:
  int Tell(Endpoint& endpoint) {
    const uint32_t interest = endpoint.Interest();
    const uint64_t tag = MakeTag(tag_class_, endpoint.token());
    // Not just an empty interest: the poller would still report what is broken, over and over.
    if (interest == 0) return poller_.Unwatch(endpoint.fd());
    if (endpoint.notes.watched == 0) return poller_.Watch(endpoint.fd(), tag, interest);
    return poller_.Rewatch(endpoint.fd(), tag, interest);
  }

  Poller& poller_;
  TagClass tag_class_;
  uint32_t waiting_ = 0;
  IntrusiveList<Endpoint, &Endpoint::stale_link> stale_;
};

}  // namespace gyre

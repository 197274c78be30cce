// Doubly linked FIFO of objects that carry their own link. Linking and unlinking are O(1) and
// never allocate; an object is on at most one list per link member.
// Invariants: 1. link.linked is true iff the object stands on the list of that member.
//             2. The list does not own its objects; an object unlinks itself before it dies.

#pragma once

#include <cassert>

namespace gyre {

template <class T>
struct ListLink {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

template <class T, ListLink<T> T::*kLink>
class IntrusiveList {
 public:
  bool empty() const { return first_ == nullptr; }
  T* front() const { return first_; }

  // Does nothing if `item` is already on the list, and then keeps its place.
  void Append(T& item) {
    ListLink<T>& link = item.*kLink;
    if (link.linked) return;
    link = {last_, nullptr, true};
    (last_ != nullptr ? (last_->*kLink).next : first_) = &item;
    last_ = &item;
  }

  // Does nothing if `item` is not on the list.
  void Remove(T& item) {
    ListLink<T>& link = item.*kLink;
    if (!link.linked) return;
    (link.previous != nullptr ? (link.previous->*kLink).next : first_) = link.next;
    (link.next != nullptr ? (link.next->*kLink).previous : last_) = link.previous;
    link = {};
  }

  T& PopFront() {
    assert(!empty());
    T& item = *first_;
    Remove(item);
    return item;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace gyre

// Doubly linked FIFO of objects that carry their own link. Linking and unlinking are O(1) and
// never allocate; an object is on at most one list per link member.
// Invariants: 1. All objects that are linked by one member stand on the same list; those that are
// on
//                none have an empty link, as has one that is alone on the list.
//             2. The list does not own its objects; an object unlinks itself before it dies.

#pragma once

#include <cassert>

namespace gyre {

template <class T>
struct ListLink {
  T* previous = nullptr;
  T* next = nullptr;
};

template <class T, ListLink<T> T::*kLink>
class IntrusiveList {
 public:
  bool empty() const { return first_ == nullptr; }
  T* front() const { return first_; }

  bool Contains(const T& item) const {
    return (item.*kLink).previous != nullptr || first_ == &item;
  }

  // Does nothing if `item` is already on the list, and then keeps its place.
  void Append(T& item) {
    if (Contains(item)) return;
    item.*kLink = {last_, nullptr};
    (last_ != nullptr ? (last_->*kLink).next : first_) = &item;
    last_ = &item;
  }

  // Does nothing if `item` is not on the list.
  void Remove(T& item) {
    if (!Contains(item)) return;
    ListLink<T>& link = item.*kLink;
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

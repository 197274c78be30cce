// Where to look for the owner of a descriptor: the token of the last object that took each number.
// Nobody says when a descriptor is given up: whoever asks finds the object gone, or with another
// one. Knows nothing of what the objects are.

#pragma once

#include <cstddef>
#include <vector>

#include "layout.h"

namespace gyre {

class DescriptorIndex {
 public:
  // REQUIRES: fd >= 0.
  void Note(int fd, Token owner) {
    const auto index = static_cast<size_t>(fd);
    if (index >= owners_.size()) owners_.resize(index + 1);
    owners_[index] = owner;
  }

  // A token that never was for a descriptor that nobody took.
  Token LastOwner(int fd) const {
    const auto index = static_cast<size_t>(fd);
    return fd >= 0 && index < owners_.size() ? owners_[index] : Token{};
  }

 private:
  std::vector<Token> owners_;
};

}  // namespace gyre

// A listening socket, TCP or Unix. Owns its descriptor.
// Knows what accept(2) may answer and what that means; knows nothing of rings or streams.

#pragma once

#include "layout.h"
#include "socket_address.h"
#include "syscalls.h"

namespace gyre {

class Listener {
 public:
  struct Options {
    int backlog = 0;
    bool reuse_port = false;
    bool ipv6_only = false;
    bool reuse_address = true;
    // Nobody is accepted before the network is asked to resume it.
    bool paused = false;
  };

  enum class Answer {
    kAccepted,   // value: the new descriptor
    kNobody,     // nobody is waiting
    kTransient,  // that one went away before it was accepted; ask again
    kExhausted,  // value: errno. Out of descriptors or memory, or worse: asking again is in vain
  };
  struct Accepted {
    Answer answer;
    int value = 0;
  };

  Listener(Syscalls& syscalls, Token token) : syscalls_(&syscalls), token_(token) {}
  ~Listener() { Close(); }
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;

  // Returns 0 or a negative errno; after an error the object is only fit to be destroyed.
  int Open(const SocketAddress& address, const Options& options);
  void Close();

  // Fills in who it was that connected.
  Accepted Accept(SocketAddress* peer);

  int fd() const { return fd_; }
  Token token() const { return token_; }
  // The address that all accepted connections have here; empty if they tell it better themselves.
  const CompactAddress& own_address() const { return own_address_; }

 private:
  int SetInternetOptions(int family, const Options& options);
  void LearnOwnAddress();

  Syscalls* syscalls_;
  Token token_;
  int fd_ = -1;
  CompactAddress own_address_;
};

}  // namespace gyre

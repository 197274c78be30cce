// A loop with its shared memory, driven as TypeScript drives it: submissions are pushed, entries
// taken. Everything connects over the loopback.

#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <functional>
#include <string>
#include <vector>

#include "faulty_syscalls.h"
#include "loop.h"

namespace gyre {

class LoopRig {
 public:
  explicit LoopRig(uint32_t ready_entries = 256, size_t receive_bytes = 512 * 1024,
                   Loop::Options options = {})
      : ready_memory(ready_entries),
        receive_memory(receive_bytes),
        send_memory(256 * 1024),
        loop(syscalls, control.data(), ready_memory, submit_memory, options) {
    loop.network().SetReceiveSlab(receive_memory);
    loop.network().SetSendSlab(send_memory);
    loop.network().datagrams().SetSlab(datagram_memory);
  }

  void Submit(Op op, Token token, uint32_t a = 0, uint32_t b = 0) {
    if (control[kSubmitTail] - control[kSubmitHead] == submit_memory.size()) Drain();
    const uint32_t tag = static_cast<uint32_t>(op) | token.generation << 8;
    submit_memory[control[kSubmitTail]++ % submit_memory.size()] = {tag, token.slot, a, b};
  }

  void Arm(Token token, double deadline_ns) {
    uint32_t words[2];
    std::memcpy(words, &deadline_ns, sizeof words);
    Submit(Op::kTimerArm, token, words[0], words[1]);
  }

  // Small writes: through the send slab.
  void Send(Token token, const std::string& bytes) {
    if (send_cursor_ + bytes.size() > send_memory.size()) Drain();
    std::copy(bytes.begin(), bytes.end(), send_memory.begin() + static_cast<long>(send_cursor_));
    Submit(Op::kSend, token, static_cast<uint32_t>(send_cursor_),
           static_cast<uint32_t>(bytes.size()));
    send_cursor_ += bytes.size();
  }

  void Drain() {
    loop.Drain();
    send_cursor_ = 0;
  }

  // Takes what stands in the ready ring.
  std::vector<Entry> Take() {
    std::vector<Entry> entries;
    for (; control[kReadyHead] != control[kReadyTail]; ++control[kReadyHead]) {
      entries.push_back(ready_memory[control[kReadyHead] % ready_memory.size()]);
    }
    return entries;
  }

  std::vector<Entry> Turn() {
    Drain();
    loop.Poll(true);
    return Take();
  }

  // Turns until an entry of this kind comes, and returns it; others are dropped. Sleeps as a host
  // would.
  Entry Await(Kind kind) {
    for (int turn = 0; turn < 2000; ++turn) {
      for (const Entry& entry : Turn()) {
        if (entry.code() == static_cast<uint32_t>(kind)) return entry;
      }
      Sleep(5);
    }
    FAIL("no entry of kind ", static_cast<uint32_t>(kind));
    return {};
  }

  void Sleep(int timeout_ms) {
    if (loop.PrepareToWait() == Loop::Rest::kGoOn) return;
    pollfd waiting{loop.poll_descriptor(), POLLIN, 0};
    ::poll(&waiting, waiting.fd < 0 ? 0 : 1, timeout_ms);
  }

  Token Listen() {
    SocketAddress address;
    Token token;
    REQUIRE(address.Parse("127.0.0.1", 0) == 0);
    REQUIRE(loop.network().Listen(address, {.backlog = 511}, &token) == 0);
    return token;
  }

  Token Connect(Token listener) {
    SocketAddress address;
    Token token;
    REQUIRE(loop.network().Address(listener, false, &address) == 0);
    Operation failed;
    REQUIRE(loop.network().Connect(address, nullptr, &token, &failed) == 0);
    return token;
  }

  struct Pair {
    Token client;
    Token server;
  };
  Pair MakePair() {
    const Token listener = Listen();
    Pair pair;
    pair.client = Connect(listener);
    bool is_connected = false;
    bool is_accepted = false;
    while (!is_connected || !is_accepted) {
      for (const Entry& entry : Turn()) {
        if (entry.code() == static_cast<uint32_t>(Kind::kConnected)) is_connected = true;
        if (entry.code() == static_cast<uint32_t>(Kind::kAccepted)) {
          is_accepted = true;
          pair.server = {entry.a, entry.b};
        }
      }
    }
    Submit(Op::kListenClose, listener);
    Drain();
    return pair;
  }

  std::string Bytes(const Entry& read) const {
    return {reinterpret_cast<const char*>(receive_memory.data()) + read.a, read.b};
  }

  FaultySyscalls syscalls;
  std::vector<uint32_t> control = std::vector<uint32_t>(kControlWords);
  std::vector<Entry> ready_memory;
  std::vector<Entry> submit_memory = std::vector<Entry>(64);
  std::vector<uint8_t> receive_memory;
  std::vector<uint8_t> send_memory;
  std::vector<uint8_t> datagram_memory = std::vector<uint8_t>(DatagramSlab::kBytes);
  Loop loop;

 private:
  size_t send_cursor_ = 0;
};

inline bool Is(const Entry& entry, Kind kind, Token token) {
  return entry.code() == static_cast<uint32_t>(kind) && entry.slot == token.slot &&
         entry.token().generation == token.generation;
}

}  // namespace gyre

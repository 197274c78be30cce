// A UDP socket: one descriptor, its state, and the datagrams that it still has to send. It turns
// requests and readiness into system calls, and remembers what there is to say about the outcome
// until there is room to say it.
//
//   state     may become          meaning
//   kOpen     kClosing, kClosed   sends and receives
//   kClosing  kClosed             close asked for, datagrams still queued
//   kClosed   -                   the descriptor is closed
//
// An error that concerns one datagram, or is an answer to an earlier one (ICMP), is a Failure; the
// socket lives on.
// Invariants: 1. The descriptor is open in every state but kClosed.
//             2. kClosed is entered once and leaves an empty queue and a CLOSED to say, the last.
//             3. While the queue is not empty nothing goes to the socket around it.
// Knows nothing of rings, slabs, pollers or tables. Owns its descriptor.

#pragma once

#include <sys/socket.h>

#include <span>
#include <vector>

#include "datagram_queue.h"
#include "intrusive_list.h"
#include "layout.h"
#include "poller.h"
#include "syscalls.h"

namespace gyre {

enum class DatagramState : uint8_t { kOpen, kClosing, kClosed };

class Datagram {
 public:
  // So many datagrams at most go through one system call.
  static constexpr size_t kBatchMax = 64;

  struct Options {
    bool reuse_port = false;
    bool broadcast = false;
    bool ipv6_only = false;
  };

  struct Failure {
    int error;
    Operation operation;
  };

  Datagram(Syscalls& syscalls, Token token) : syscalls_(&syscalls), token_(token) {}
  ~Datagram();
  Datagram(const Datagram&) = delete;
  Datagram& operator=(const Datagram&) = delete;

  // Makes the socket, binds it to `local`, and connects it to `remote` unless that is null.
  // Returns 0 or a negative errno; after an error failed_operation() says whether connecting was in
  // vain (else it is kBind), and the object is only fit to be destroyed.
  int Open(const SocketAddress& local, const SocketAddress* remote, const Options& options);

  void StartReading() { reading_ = state_ == DatagramState::kOpen; }
  bool is_reading() const { return reading_; }

  // Receives once, into the messages' buffers. Returns how many were filled; an error becomes a
  // failure.
  size_t Receive(mmsghdr* messages, size_t count);

  // Sends what the socket takes and queues the rest, copied. Messages have one slice each, side by
  // side in one array; those for a socket that no longer sends are dropped.
  void Send(mmsghdr* messages, size_t count);

  void OnWritable();

  // Sends what is queued, then closes.
  void Close();
  // Drops what is queued and closes at once.
  void Abort() { Fail(0, Operation::kNone); }
  void Fail(int error, Operation operation);

  void WatchDrain(size_t low_mark) {
    if (state_ != DatagramState::kClosed) low_mark_ = static_cast<int64_t>(low_mark);
  }

  // The readiness that the socket waits for, as a set of kReadable and kWritable.
  uint32_t Interest() const;

  // What there is to say, in the order in which it is said.
  std::vector<Failure>& failures() { return failures_; }
  bool has_pending() const { return has_pending_; }
  void ForgetPending() { has_pending_ = false; }
  bool IsDrained() const {
    return low_mark_ >= 0 && static_cast<int64_t>(queue_.bytes()) <= low_mark_;
  }
  void ForgetDrain() { low_mark_ = kNotWatched; }
  bool HasReports() const {
    return !failures_.empty() || has_pending_ || IsDrained() || state_ == DatagramState::kClosed;
  }

  Token token() const { return token_; }
  int fd() const { return fd_; }
  DatagramState state() const { return state_; }
  bool is_closed() const { return state_ == DatagramState::kClosed; }
  bool CanSend() const { return state_ == DatagramState::kOpen; }
  size_t queued_bytes() const { return queue_.bytes(); }
  int error() const { return error_; }
  Operation failed_operation() const { return failed_operation_; }

  // A datagram in the send slab: where its bytes are; its address record stands before them.
  struct Slice {
    uint32_t offset;
    uint32_t length;
  };
  // The table's own notes on the socket.
  struct Notes {
    std::vector<Slice> slices;  // submitted, and not sent yet
    uint32_t watched = 0;       // the interest that the poller knows; 0: it does not know it
    bool waiting = false;       // counted among the sockets that wait for something
  };
  ListLink<Datagram> reporting_link;
  ListLink<Datagram> stale_link;
  ListLink<Datagram> sending_link;
  Notes notes;

 private:
  static constexpr int64_t kNotWatched = -1;

  size_t Offer(mmsghdr* messages, size_t count);
  void LowerSegmentLimit(size_t segment_bytes);
  void Finish(int error, Operation operation);

  Syscalls* syscalls_;
  Token token_;
  int fd_ = -1;
  DatagramState state_ = DatagramState::kOpen;
  bool reading_ = false;
  bool has_pending_ = false;
  Operation failed_operation_ = Operation::kNone;
  int error_ = 0;
  int64_t low_mark_ = kNotWatched;
  // Of datagrams in runs, see DatagramRuns; 0: the kernel cannot send runs.
  size_t segment_bytes_max_ = 0;
  DatagramQueue queue_;
  std::vector<Failure> failures_;
};

}  // namespace gyre

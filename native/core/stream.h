// A connection, TCP or Unix, or one end of a pipe: one descriptor, its state, and the bytes it
// still has to send. It turns requests and readiness into system calls, and remembers what there
// is to say about the outcome until the network finds room to say it.
//
//   state          may become                       meaning
//   kConnecting    kOpen, kClosed                   connect(2) is under way
//   kOpen          all below                        both directions stand, or the peer's has ended
//   kShuttingDown  kShutDown, kClosing, kClosed     shutdown asked for, bytes still queued
//   kShutDown      kClosing, kClosed                our direction is shut
//   kClosing       kClosed                          close asked for, bytes still queued
//   kClosed        -                                the descriptor is closed, or somebody else's
//
// Invariants: 1. The descriptor is open in every state but kClosed. That of a pipe stays open until
//                Release: others may have it too (a parent, a child), so that the poller does not
//                forget it by its being closed here.
//             2. kClosed is entered once and leaves an empty queue and a CLOSED to say, the last;
//             of a
//                stream that was surrendered there is nothing to say.
//             3. While the queue is not empty nothing goes to the socket around it. A file goes
//                behind the queue, and while it does, nothing is added to the queue.
// Knows nothing of rings, slabs, pollers or tables. Owns its descriptor until it is surrendered.

#pragma once

#include <memory>
#include <span>

#include "file_segment.h"
#include "intrusive_list.h"
#include "layout.h"
#include "out_queue.h"
#include "poller.h"
#include "socket_address.h"
#include "syscalls.h"

namespace gyre {

enum class StreamState : uint8_t {
  kConnecting,
  kOpen,
  kShuttingDown,
  kShutDown,
  kClosing,
  kClosed
};

enum class Reading : uint8_t {
  kOff,    // not asked for, or asked to stop
  kOn,     // bytes are wanted
  kEnded,  // the peer has finished, or we no longer listen: never again
};

// What a stream does with its descriptor.
enum class Role : uint8_t {
  kConnection,  // a socket, both directions; made here, and closed
  kReadPipe,    // what read(2) takes: a pipe, a terminal, a socket; made elsewhere
  kWritePipe,   // what write(2) takes
};

class Stream {
 public:
  // What is to be done with the descriptor of a pipe when it is released.
  struct Ending {
    bool closes = false;
    bool makes_blocking = false;
  };

  // What the network has to say to TypeScript, in the order in which it is said.
  enum Report : uint8_t {
    kReportConnected = 1,
    kReportEof = 2,
    kReportPending = 4,
    kReportClosed = 8,
    kReportFileSent = 16,
  };

  // REQUIRES: `state` is kConnecting or kOpen. Takes over the descriptor.
  Stream(Syscalls& syscalls, Token token, int fd, StreamState state)
      : syscalls_(&syscalls), token_(token), fd_(fd), state_(state) {}
  // A pipe. Its descriptor does not block.
  Stream(Syscalls& syscalls, Token token, int fd, Role role, Ending ending)
      : syscalls_(&syscalls),
        token_(token),
        fd_(fd),
        state_(StreamState::kOpen),
        role_(role),
        ending_(ending) {}
  ~Stream() { Release(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Begins to connect; whatever comes of it, at once or later, becomes a report.
  void Connect(const sockaddr* address, socklen_t length);

  void StartReading();
  void StopReading();

  // Receives once. Returns the number of bytes, or 0: nothing there, the end, or a failure (the
  // latter two become reports).
  size_t Receive(std::span<uint8_t> into);

  // Sends what the socket takes and queues the rest; the bytes are the caller's again when it
  // returns. Bytes for a stream that no longer sends are dropped.
  void Send(const iovec* slices, size_t count);

  // Sends a part of a file behind what is queued, to its end if that comes first; the outcome
  // becomes a report. The stream has a descriptor of its own for it. Returns 0 or a negative errno:
  // EBUSY while it sends another file, EPIPE when it no longer sends.
  int SendFile(int fd, uint64_t offset, uint64_t bytes);

  // The socket takes bytes again, or has finished connecting, well or badly.
  void OnWritable();

  // A pipe that nobody reads any more has come to its end, well if nothing is queued.
  void OnBroken();

  // Gives the descriptor up. REQUIRES: the poller does not know it, or is about to be closed.
  void Release();

  // True while nothing of the connection is here but its descriptor: nothing unsent, nothing to
  // say, and both directions stand.
  bool CanSurrender() const {
    return role_ == Role::kConnection && state_ == StreamState::kOpen &&
           reading_ != Reading::kEnded && !HasUnsent() && !HasReports();
  }
  // Gives the descriptor away; the stream is good for nothing then, and has nothing to say.
  // REQUIRES: CanSurrender, and that the poller does not know the descriptor.
  int Surrender();

  // The descriptor goes back to whoever brought it.
  void Disown() { ending_.closes = false; }

  // What was sent before goes out first, in both. REQUIRES of Shutdown: a connection.
  void Shutdown();
  void Close();

  // Drops what is queued and closes at once.
  void Abort() { Fail(0, Operation::kNone); }
  void Fail(int error, Operation operation);

  void WatchDrain(size_t low_mark) {
    if (state_ != StreamState::kClosed) low_mark_ = static_cast<int64_t>(low_mark);
  }

  // True while bytes may still be given to Send.
  bool CanSend() const {
    if (IsSendingFile()) return false;
    return state_ == StreamState::kOpen || state_ == StreamState::kConnecting;
  }

  // The readiness that the stream waits for: a set of kReadable and kWritable, and kBroken where
  // there is no other way to hear of the end.
  uint32_t Interest() const;

  bool HasReports() const { return reports_ != 0 || IsDrained(); }
  bool Has(Report report) const { return (reports_ & report) != 0; }
  void Forget(Report report) { reports_ &= static_cast<uint8_t>(~report); }
  bool IsDrained() const {
    return low_mark_ >= 0 && static_cast<int64_t>(queue_.size()) <= low_mark_;
  }
  void ForgetDrain() { low_mark_ = kNotWatched; }

  Token token() const { return token_; }
  bool is_closed() const { return state_ == StreamState::kClosed; }
  int fd() const { return fd_; }
  Role role() const { return role_; }
  StreamState state() const { return state_; }
  Reading reading() const { return reading_; }
  size_t queued() const { return queue_.size(); }
  int error() const { return error_; }
  Operation failed_operation() const { return failed_operation_; }
  // What became of the last file.
  uint64_t file_bytes_sent() const { return file_ == nullptr ? 0 : file_->sent(); }
  int file_error() const { return file_error_; }

  // Those of a connection that was accepted. Empty: the system has to be asked.
  struct KnownAddresses {
    CompactAddress peer;
    CompactAddress own;
  };

  // The network's own notes on the stream.
  struct Notes {
    uint32_t first_slice = 0;
    uint32_t last_slice = 0;
    uint32_t watched = 0;  // the interest that the poller knows; 0: the poller does not know it
    bool waiting = false;  // counted among the streams that wait for something
    std::unique_ptr<KnownAddresses> addresses;  // until they are taken
  };
  ListLink<Stream> reporting_link;  // has something to say
  ListLink<Stream> stale_link;      // the poller does not know its interest yet
  ListLink<Stream> sending_link;    // has slices that were not sent yet
  Notes notes;

 private:
  static constexpr int64_t kNotWatched = -1;
  // One writable event sends at most so many bytes, so that a fast reader does not keep the rest
  // of the loop waiting.
  static constexpr size_t kFlushBytesMax = 1024 * 1024;

  void MoveTo(StreamState state);
  ssize_t SendSome(const iovec* slices, size_t count);
  void FinishConnecting(int result);
  void Enqueue(const iovec* slices, size_t count, size_t skip);
  void Flush();
  void FlushFile(size_t bytes_max);
  void EndFile(int error);
  void OnFlushed();
  bool IsSendingFile() const { return file_ != nullptr && file_->active(); }
  bool HasUnsent() const { return !queue_.empty() || IsSendingFile(); }
  void Finish(int error, Operation operation);

  Syscalls* syscalls_;
  Token token_;
  int fd_;
  StreamState state_;
  Role role_ = Role::kConnection;
  Ending ending_;
  Reading reading_ = Reading::kOff;
  uint8_t reports_ = 0;
  Operation failed_operation_ = Operation::kNone;
  int error_ = 0;
  int file_error_ = 0;
  int64_t low_mark_ = kNotWatched;
  OutQueue queue_;
  std::unique_ptr<FileSegment> file_;  // the last file; few connections send one
};

}  // namespace gyre

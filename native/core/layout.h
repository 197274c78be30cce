// The shared-memory language between TypeScript and the native core: which word of the control
// block means what, what an entry of a ring looks like, and the numbers that name events and
// requests. The binding exports these constants and TypeScript asserts them when it loads, so
// there is one definition and nothing to keep in step by hand.
// Invariants: 1. An entry is 16 bytes: a tag word (kind or op, and a generation above it), the
//                slot, and two operands. A timer's deadline fills both operands as one double.
//             2. Counters run freely through 2^32; a count is tail - head.
// Knows nothing of who reads or writes them.

#pragma once

#include <cstdint>
#include <cstring>

namespace gyre {

inline constexpr uint32_t kLayoutVersion = 1;
inline constexpr uint32_t kControlWords = 16;

enum ControlWord : uint32_t {
  kReadyHead = 0,
  kReadyTail = 1,
  kSubmitHead = 2,
  kSubmitTail = 3,
  // 1: nobody will look at the rings unless woken. TypeScript checks it on every push.
  kAsleep = 4,
  // Where a call that makes something leaves its token; one that fails to connect, or to open a UDP
  // socket, leaves the operation that failed in the first.
  kResultSlot = 5,
  kResultGeneration = 6,
  // 1: data has arrived and there is no slab to receive it into; TypeScript gives one.
  kReceiveSlabWanted = 7,
  // So many bytes at the beginning of the receive slab TypeScript keeps for now: nothing is
  // received there. Set to 0 with each new slab.
  kReceiveKept = 8,
  // 1: so much is kept that nothing more can be received, and no unread entry points into the slab:
  // TypeScript gives another.
  kReceiveSlabSpent = 9,
};

// Native to TypeScript. Numbers from kFirstForeignKind up belong to TypeScript, which puts them
// into the same ring; native never looks at those.
enum class Kind : uint32_t {
  kTimer = 1,            // the deadline of this timer has come
  kAccepted = 2,         // token: listener; a, b: slot and generation of the new stream
  kConnected = 3,        // the connection stands
  kRead = 4,             // a, b: offset and length in the receive slab
  kEof = 5,              // the peer has finished sending
  kPending = 6,          // a: bytes the kernel did not take
  kDrained = 7,          // a: bytes still queued, at or below the mark that was asked for
  kClosed = 8,           // a: errno or 0; b: the operation that failed. The stream's last entry
  kAcceptFailed = 9,     // a: errno. The listener rests until kListenResume
  kFileSent = 10,        // a, b: what became of it, see FileReport
  kDatagram = 16,        // a, b: offset and length in the datagram slab; an AddressRecord before it
  kDatagramFailed = 17,  // a: errno; b: the operation. The socket lives on
  kDatagramPending = 18,  // a: bytes the kernel did not take
  kDatagramDrained = 19,  // a: bytes still queued, at or below the mark that was asked for
  kDatagramClosed = 20,   // a: errno or 0; b: the operation that failed. The socket's last entry
  kDescriptorReady = 24,  // a: kReadable, kWritable or both
};
inline constexpr uint32_t kFirstForeignKind = 32;

// TypeScript to native. A request whose token is stale is dropped.
enum class Op : uint32_t {
  kTimerArm = 1,
  kTimerCancel = 2,
  kSend = 3,  // a, b: offset and length in the send slab
  kReadStart = 4,
  kReadStop = 5,
  kShutdown = 6,
  kClose = 7,
  kAbort = 8,
  kWatchDrain = 9,  // a: low mark in bytes
  kListenClose = 10,
  kListenResume = 11,
  kListenPause = 12,
  kDatagramSend = 32,  // a, b: offset and length in the send slab; an AddressRecord before it
  kDatagramStart = 33,
  kDatagramClose = 34,
  kDatagramAbort = 35,
  kDatagramWatchDrain = 36,  // a: low mark in bytes
};

constexpr bool IsDatagramOp(Op op) {
  return op >= Op::kDatagramSend && op <= Op::kDatagramWatchDrain;
}

// What a stream or a socket was doing when it failed.
enum class Operation : uint32_t { kNone = 0, kConnect = 1, kRead = 2, kWrite = 3, kBind = 4 };

// The operands of kFileSent: how many bytes went out, and the errno that ended it early, or 0.
struct FileReport {
  static constexpr uint32_t kErrorBits = 8;
  static constexpr uint64_t kBytesMax = (uint64_t{1} << (64 - kErrorBits)) - 1;

  static uint32_t Low(uint64_t bytes) { return static_cast<uint32_t>(bytes); }
  static uint32_t High(uint64_t bytes, int error) {
    return static_cast<uint32_t>(bytes >> 32) | static_cast<uint32_t>(error) << (32 - kErrorBits);
  }
};

inline constexpr uint32_t kGenerationBits = 24;
inline constexpr uint32_t kGenerationMask = (1u << kGenerationBits) - 1;

// Names a timer, stream or listener for as long as it lives, and nothing afterwards.
struct Token {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

struct Entry {
  uint32_t tag;
  uint32_t slot;
  uint32_t a;
  uint32_t b;

  Token token() const { return {slot, tag >> 8}; }
  uint32_t code() const { return tag & 0xff; }

  double deadline() const {
    double value;
    std::memcpy(&value, &a, sizeof value);
    return value;
  }
};
static_assert(sizeof(Entry) == 16);

}  // namespace gyre

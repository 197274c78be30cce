// All sockets of a loop: the table of streams and listeners, the requests that TypeScript makes of
// them, and the batches of readiness that become entries of the ready ring.
// Invariants: 1. Entries of one stream stand in the ready ring in the order in which things
//                happened; CLOSED is the last, comes once, and frees the slot.
//             2. Nothing is lost for lack of room: a report waits on its stream, an event in the
//                batch, a connection in the kernel.
//             3. The poller is told of a stream's interest just before it is asked, so that what
//                changes back and forth within a turn costs no system call, and an accepted
//                stream costs one.
//             4. Between two FlushSends all bytes given to one stream go out in one call, and
//                before whatever was asked of the stream after them.
// Knows nothing of timers, of the submission ring, or of who hosts the loop.

#pragma once

#include <array>
#include <span>
#include <variant>
#include <vector>

#include "datagrams.h"
#include "descriptor_index.h"
#include "interest_list.h"
#include "intrusive_list.h"
#include "layout.h"
#include "listener.h"
#include "poller.h"
#include "ready_ring.h"
#include "slab.h"
#include "slot_table.h"
#include "socket_address.h"
#include "stream.h"
#include "syscalls.h"
#include "watchers.h"

namespace gyre {

class Network {
 public:
  enum class SocketOption : uint32_t { kNoDelay = 1, kKeepAlive = 2 };

  // The ring and the control block outlive the network; the poller is shared with the loop.
  Network(Syscalls& syscalls, Poller& poller, ReadyRing& ready, uint32_t* control)
      : syscalls_(syscalls),
        poller_(poller),
        ready_(ready),
        control_(control),
        interests_(poller, TagClass::kEndpoint),
        datagrams_(syscalls, poller, ready, control, send_slab_),
        watchers_(poller, ready) {}
  ~Network() { CloseAll(); }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  void SetReceiveSlab(std::span<uint8_t> memory);
  void SetSendSlab(std::span<uint8_t> memory) { send_slab_.Attach(memory); }

  // Carries out one request of the submission ring; drops it if its token is stale. What kSend
  // asks for waits for FlushSends.
  void Handle(const Entry& request);
  void FlushSends();

  // Appends what streams have to say, as far as there is room.
  void FlushReports();
  // Brings the poller up to date; call before sleeping on it.
  void SyncInterests();
  // Takes a batch from the poller (or goes on with one that did not fit) and appends what it means.
  void Poll();

  bool HasReports() const { return !reporting_.empty() || datagrams_.HasReports(); }
  // True while a part of the last batch is left, for lack of room in the ring or the slab.
  bool HasLeftover() const { return batch_next_ < batch_size_; }
  // True while something can still happen here.
  bool IsWaiting() const {
    return listeners_ > 0 || interests_.waiting() > 0 || watchers_.count() > 0 ||
           datagrams_.IsWaiting() || HasReports();
  }

  // The UDP sockets, which have a table of their own.
  Datagrams& datagrams() { return datagrams_; }

  uint32_t stream_count() const { return streams_; }
  uint32_t watcher_count() const { return watchers_.count(); }

  // The calls below return 0 (or what they say) or a negative errno; -EBADF for a stale token.
  int Listen(const SocketAddress& address, const Listener::Options& options, Token* token);
  // `local` may be null. That the connection fails, even at once, is reported by CLOSED; what is
  // returned is why there is not even a socket to connect, and `failed` what was not possible.
  int Connect(const SocketAddress& remote, const SocketAddress* local, Token* token,
              Operation* failed);
  // Makes a stream of a descriptor that was opened elsewhere, which then belongs to it: it does not
  // block from now on, and blocks again in the end if it did before. `closes`: it is closed in the
  // end. EEXIST for one that the poller knows, EPERM for one that cannot be waited for.
  int OpenPipe(int fd, Role role, bool closes, Token* token);
  // Returns the bytes that the kernel did not take. A failure is reported by CLOSED too.
  int64_t Write(Token token, std::span<uint8_t> data);
  // The outcome is reported by FILE_SENT, before any CLOSED; there is none if the stream fails.
  int SendFile(Token token, int fd, uint64_t offset, uint64_t bytes);
  int64_t PendingBytes(Token token);
  // Gives a connection's descriptor away and forgets the stream, of which nothing is said any more.
  // Returns the descriptor; EBUSY while anything of the connection but that is here: bytes to send,
  // something to say or said and not heard yet.
  int Surrender(Token token);
  // The peer of an accepted connection is known, even if it has gone since; so is its own address,
  // if it is the listener's.
  int Address(Token token, bool peer, SocketAddress* address);
  // Both, for who keeps them: what was known of them is forgotten.
  int TakeAddresses(Token token, SocketAddress* peer, SocketAddress* own);
  int SetOption(Token token, SocketOption option, bool value, int delay_seconds);
  int FileDescriptor(Token token);
  // Descriptors of others: see Watchers. EEXIST for one that belongs to a socket of the loop; an
  // interest of 0 ends the watch.
  int WatchDescriptor(int fd, uint32_t interest, Token* token);
  int SetDescriptorInterest(Token token, uint32_t interest);

  // Closes every socket and forgets every report.
  void CloseAll();

 private:
  using Endpoint = std::variant<std::monostate, Stream, Listener>;

  struct Slice {
    uint32_t offset;
    uint32_t length;
    uint32_t next;
  };
  static constexpr uint32_t kNoSlice = UINT32_MAX;
  static constexpr size_t kSlicesPerSend = 64;
  static constexpr int kAcceptsMax = 64;

  static uint64_t TagOf(Token token) { return MakeTag(TagClass::kEndpoint, token); }

  template <class Kind>
  Kind* Find(Token token) {
    Endpoint* endpoint = endpoints_.Find(token);
    return endpoint != nullptr ? std::get_if<Kind>(endpoint) : nullptr;
  }

  Stream& AddStream(int fd, StreamState state);
  void RetireStream(Stream& stream);
  void CloseListener(Listener& listener);
  int DescriptorOf(Token token);
  bool Owns(int fd);

  void HandleStream(Stream& stream, const Entry& request);
  void HandleListener(Listener& listener, Op op);
  void AddSlice(Stream& stream, uint32_t offset, uint32_t length);
  void SendSlices(Stream& stream);

  void Settle(Stream& stream);
  bool Report(Stream& stream);

  void RewindReceiveSlab();
  bool Dispatch(const PollEvent& event);
  bool ReceiveFrom(Stream& stream, uint32_t readiness);
  bool AcceptFrom(Listener& listener);

  Syscalls& syscalls_;
  Poller& poller_;
  ReadyRing& ready_;
  uint32_t* control_;

  SlotTable<Endpoint> endpoints_;
  uint32_t streams_ = 0;
  uint32_t listeners_ = 0;
  DescriptorIndex owners_;
  InterestList<Stream> interests_;

  IntrusiveList<Stream, &Stream::reporting_link> reporting_;
  IntrusiveList<Stream, &Stream::sending_link> sending_;

  ReceiveSlab receive_slab_;
  bool keeps_freed_memory_ = false;
  uint32_t last_read_position_ = 0;
  SendSlab send_slab_;
  std::vector<Slice> slices_;

  Datagrams datagrams_;
  Watchers watchers_;

  int batch_next_ = 0;
  int batch_size_ = 0;
  std::array<PollEvent, Poller::kEventsMax> batch_;
};

}  // namespace gyre

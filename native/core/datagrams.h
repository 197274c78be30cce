// All UDP sockets of a loop: the table of them, the requests that TypeScript makes of them, and
// the batches of datagrams that become entries of the ready ring.
// Invariants: 1. Datagrams stand in the ready ring in the order in which they came, a failure
//                possibly behind those that came just after it; DATAGRAM_CLOSED is a socket's last
//                entry, comes once, and frees the slot.
//             2. Nothing that the kernel gave us is lost for lack of room: no more is received than
//                there is room for, and a report waits on its socket.
//             3. Between two FlushSends the datagrams of one socket go out in one call for every
//                64 of them, in order, and before whatever was asked of the socket after them.
// Knows nothing of streams, of the submission ring, or of who asks the poller.

#pragma once

#include <array>
#include <optional>
#include <span>

#include "datagram.h"
#include "datagram_slab.h"
#include "descriptor_index.h"
#include "interest_list.h"
#include "intrusive_list.h"
#include "layout.h"
#include "poller.h"
#include "ready_ring.h"
#include "slab.h"
#include "slot_table.h"
#include "socket_address.h"
#include "syscalls.h"

namespace gyre {

class Datagrams {
 public:
  enum class Option : uint32_t {
    kBroadcast = 1,
    kTtl = 2,
    kMulticastTtl = 3,
    kMulticastLoopback = 4,
    kReceiveBufferBytes = 5,
    kSendBufferBytes = 6,
  };

  // All outlive the table.
  Datagrams(Syscalls& syscalls, Poller& poller, ReadyRing& ready, uint32_t* control,
            const SendSlab& send_slab)
      : syscalls_(syscalls),
        poller_(poller),
        ready_(ready),
        control_(control),
        send_slab_(send_slab),
        interests_(poller, TagClass::kDatagram) {}
  ~Datagrams() { CloseAll(); }
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  void SetSlab(std::span<uint8_t> memory);

  // The same as of Network, for the table's part of it.
  void Handle(const Entry& request);
  void FlushSends();
  void FlushReports();
  void SyncInterests();
  // Returns false if the event has to wait for room. A stale one is no event.
  bool Dispatch(Token token, uint32_t readiness);
  bool HasReports() const { return !reporting_.empty(); }
  bool IsWaiting() const { return interests_.waiting() > 0 || HasReports(); }
  uint32_t count() const { return count_; }
  bool Owns(int fd);

  // The calls below return 0 (or what they say) or a negative errno; -EBADF for a stale token.
  // `failed`: what was not possible, binding or connecting.
  int Open(const SocketAddress& local, const SocketAddress* remote,
           const Datagram::Options& options, Token* token, Operation* failed);
  int64_t PendingBytes(Token token);
  int Address(Token token, bool peer, SocketAddress* address);
  int SetOption(Token token, Option option, int value);
  // Only of the sizes of buffers: what the kernel made of the wish.
  int GetOption(Token token, Option option, int* value);
  // `interface` is an address of the interface, or (IPv6) its scope alone; null: the system's
  // choice.
  // `source`: what only it sends to the group; null: whoever sends.
  int SetMembership(Token token, bool joins, const SocketAddress& group,
                    const SocketAddress* interface, const SocketAddress* source);
  int SetMulticastInterface(Token token, const SocketAddress& interface);

  void CloseAll();

 private:
  Datagram* Find(Token token);
  void Retire(Datagram& socket);
  void SendSlices(Datagram& socket);
  void Settle(Datagram& socket);
  bool Report(Datagram& socket);
  bool ReceiveFrom(Datagram& socket);

  Syscalls& syscalls_;
  Poller& poller_;
  ReadyRing& ready_;
  uint32_t* control_;
  const SendSlab& send_slab_;

  SlotTable<std::optional<Datagram>> sockets_;
  uint32_t count_ = 0;
  DescriptorIndex owners_;
  InterestList<Datagram> interests_;
  IntrusiveList<Datagram, &Datagram::reporting_link> reporting_;
  IntrusiveList<Datagram, &Datagram::sending_link> sending_;

  DatagramSlab slab_;
  uint32_t last_read_position_ = 0;
};

}  // namespace gyre

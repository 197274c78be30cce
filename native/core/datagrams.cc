// The table's hot half: requests, batches, reports. Its calls are in datagram_calls.cc.

#include "datagrams.h"

#include <algorithm>
#include <array>

namespace gyre {

void Datagrams::SetSlab(std::span<uint8_t> memory) {
  slab_.Attach(memory);
  if (slab_.attached()) control_[kReceiveSlabWanted] = 0;
}

Datagram* Datagrams::Find(Token token) {
  std::optional<Datagram>* cell = sockets_.Find(token);
  return cell != nullptr && cell->has_value() ? &**cell : nullptr;
}

void Datagrams::Handle(const Entry& request) {
  Datagram* socket = Find(request.token());
  if (socket == nullptr) return;
  const Op op = static_cast<Op>(request.code());
  if (op == Op::kDatagramSend) {
    if (!socket->CanSend()) return;
    socket->notes.slices.push_back({request.a, request.b});
    sending_.Append(*socket);
    return;
  }
  if (op == Op::kDatagramStart) {
    socket->StartReading();
  } else if (op == Op::kDatagramAbort) {
    socket->Abort();
  } else {
    SendSlices(*socket);
    if (op == Op::kDatagramClose) socket->Close();
    if (op == Op::kDatagramWatchDrain) socket->WatchDrain(request.a);
  }
  Settle(*socket);
}

void Datagrams::SendSlices(Datagram& socket) {
  std::array<mmsghdr, Datagram::kBatchMax> messages;
  std::array<iovec, Datagram::kBatchMax> vectors;
  std::array<SocketAddress, Datagram::kBatchMax> names;
  std::vector<Datagram::Slice>& slices = socket.notes.slices;
  for (size_t next = 0; next < slices.size();) {
    size_t count = 0;
    for (; next < slices.size() && count < messages.size(); ++next) {
      constexpr uint32_t kRecordBytes = sizeof(AddressRecord);
      const auto [offset, length] = slices[next];
      if (offset < kRecordBytes) continue;
      const auto memory = send_slab_.Slice(offset - kRecordBytes, length + kRecordBytes);
      if (memory.empty()) continue;
      AddressRecord to;
      std::memcpy(&to, memory.data(), sizeof to);
      vectors[count] = {memory.data() + kRecordBytes, length};
      msghdr& header = messages[count].msg_hdr;
      header = {};
      if (to.Store(&names[count])) {
        header.msg_name = names[count].get_mutable();
        header.msg_namelen = names[count].length();
      }
      header.msg_iov = &vectors[count++];
      header.msg_iovlen = 1;
    }
    socket.Send(messages.data(), count);
  }
  slices.clear();
  sending_.Remove(socket);
}

void Datagrams::FlushSends() {
  while (!sending_.empty()) {
    Datagram& socket = *sending_.front();
    SendSlices(socket);
    Settle(socket);
  }
}

// Puts the socket on the lists that its present state calls for. To be called after anything that
// may have changed it.
void Datagrams::Settle(Datagram& socket) {
  interests_.Note(socket);
  if (socket.HasReports()) reporting_.Append(socket);
}

void Datagrams::FlushReports() {
  while (!reporting_.empty() && Report(*reporting_.front())) {
  }
}

// Says all that the socket has to say. Returns false when there is no room for the rest.
bool Datagrams::Report(Datagram& socket) {
  const Token token = socket.token();
  const auto queued = static_cast<uint32_t>(std::min<size_t>(socket.queued_bytes(), INT32_MAX));
  auto& failures = socket.failures();
  size_t said = 0;
  for (; said < failures.size(); ++said) {
    const auto [error, operation] = failures[said];
    if (!ready_.Append(Kind::kDatagramFailed, token, static_cast<uint32_t>(error),
                       static_cast<uint32_t>(operation))) {
      break;
    }
  }
  failures.erase(failures.begin(), failures.begin() + static_cast<std::ptrdiff_t>(said));
  if (!failures.empty()) return false;
  if (socket.has_pending()) {
    // What has gone out in the meantime was not worth mentioning.
    if (queued > 0 && !ready_.Append(Kind::kDatagramPending, token, queued)) return false;
    socket.ForgetPending();
  }
  if (socket.IsDrained()) {
    if (!ready_.Append(Kind::kDatagramDrained, token, queued)) return false;
    socket.ForgetDrain();
  }
  if (socket.is_closed()) {
    const auto error = static_cast<uint32_t>(socket.error());
    const auto operation = static_cast<uint32_t>(socket.failed_operation());
    if (!ready_.Append(Kind::kDatagramClosed, token, error, operation)) return false;
    Retire(socket);
    return true;
  }
  reporting_.Remove(socket);
  return true;
}

void Datagrams::SyncInterests() {
  interests_.Sync([this](Datagram& socket) { Settle(socket); });
}

bool Datagrams::Dispatch(Token token, uint32_t readiness) {
  Datagram* socket = Find(token);
  if (socket == nullptr) return true;
  bool fits = true;
  if (readiness & (kWritable | kBroken)) socket->OnWritable();
  if (socket->is_reading() && readiness & ~uint32_t{kWritable}) fits = ReceiveFrom(*socket);
  Settle(*socket);
  FlushReports();
  return fits;
}

bool Datagrams::ReceiveFrom(Datagram& socket) {
  if (!slab_.attached()) {
    control_[kReceiveSlabWanted] = 1;
    return true;
  }
  if (ready_.HasConsumed(last_read_position_)) slab_.Rewind();
  const size_t count = std::min<size_t>(slab_.free_slots(), ready_.room());
  if (count == 0) return false;
  const size_t received = socket.Receive(slab_.Prepare(count), count);
  for (size_t i = 0; i < received; ++i) {
    const auto [offset, length, is_cut_off] = slab_.Keep(i);
    if (is_cut_off) {
      socket.failures().push_back({EMSGSIZE, Operation::kRead});
    } else {
      ready_.Append(Kind::kDatagram, socket.token(), offset, length);
    }
  }
  last_read_position_ = ready_.tail();
  return true;
}

}  // namespace gyre

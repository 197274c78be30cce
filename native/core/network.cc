// The network's hot half: requests, batches of readiness, reports. Its calls are in
// network_calls.cc.

#include "network.h"

#include <algorithm>
#include <cassert>

#include "freed_memory.h"

namespace gyre {

void Network::SetReceiveSlab(std::span<uint8_t> memory) {
  if (control_[kReceiveSlabSpent] != 0 && !keeps_freed_memory_) {
    KeepFreedMemory();
    keeps_freed_memory_ = true;
  }
  receive_slab_.Attach(memory);
  control_[kReceiveKept] = control_[kReceiveSlabSpent] = 0;
  if (receive_slab_.attached()) control_[kReceiveSlabWanted] = 0;
}

// --- Requests ---------------------------------------------------------------------------------

void Network::Handle(const Entry& request) {
  if (IsDatagramOp(static_cast<Op>(request.code()))) {
    datagrams_.Handle(request);
    return;
  }
  if (Stream* stream = Find<Stream>(request.token())) {
    HandleStream(*stream, request);
  } else if (Listener* listener = Find<Listener>(request.token())) {
    HandleListener(*listener, static_cast<Op>(request.code()));
  }
}

void Network::HandleStream(Stream& stream, const Entry& request) {
  const Op op = static_cast<Op>(request.code());
  if (op == Op::kSend) {
    AddSlice(stream, request.a, request.b);
    return;
  }
  if (op == Op::kReadStart) {
    stream.StartReading();
  } else if (op == Op::kReadStop) {
    stream.StopReading();
  } else if (op == Op::kAbort) {
    sending_.Remove(stream);
    stream.Abort();
  } else {
    SendSlices(stream);
    if (op == Op::kShutdown) stream.Shutdown();
    if (op == Op::kClose) stream.Close();
    if (op == Op::kWatchDrain) stream.WatchDrain(request.a);
  }
  Settle(stream);
}

void Network::HandleListener(Listener& listener, Op op) {
  if (op == Op::kListenClose) {
    CloseListener(listener);
  } else if (op == Op::kListenResume) {
    // Resuming one that is not at rest is harmless: the poller says EEXIST.
    const int result = poller_.Watch(listener.fd(), TagOf(listener.token()), kReadable);
    if (result < 0 && result != -EEXIST) {
      ready_.Append(Kind::kAcceptFailed, listener.token(), static_cast<uint32_t>(-result));
    }
  } else if (op == Op::kListenPause) {
    // The same the other way round: ENOENT.
    poller_.Unwatch(listener.fd());
  }
}

void Network::AddSlice(Stream& stream, uint32_t offset, uint32_t length) {
  if (!stream.CanSend() || send_slab_.Slice(offset, length).empty()) return;
  if (!sending_.Contains(stream)) {
    sending_.Append(stream);
    stream.notes.first_slice = static_cast<uint32_t>(slices_.size());
  } else {
    Slice& last = slices_[stream.notes.last_slice];
    if (last.offset + last.length == offset) {
      last.length += length;
      return;
    }
    last.next = static_cast<uint32_t>(slices_.size());
  }
  stream.notes.last_slice = static_cast<uint32_t>(slices_.size());
  slices_.push_back({offset, length, kNoSlice});
}

void Network::SendSlices(Stream& stream) {
  if (!sending_.Contains(stream)) return;
  sending_.Remove(stream);
  std::array<iovec, kSlicesPerSend> vectors;
  uint32_t index = stream.notes.first_slice;
  while (index != kNoSlice) {
    size_t count = 0;
    for (; index != kNoSlice && count < vectors.size(); index = slices_[index].next) {
      const auto bytes = send_slab_.Slice(slices_[index].offset, slices_[index].length);
      vectors[count++] = {bytes.data(), bytes.size()};
    }
    stream.Send(vectors.data(), count);
  }
  Settle(stream);
}

void Network::FlushSends() {
  while (!sending_.empty()) SendSlices(*sending_.front());
  slices_.clear();
  datagrams_.FlushSends();
}

// --- Reports and interests --------------------------------------------------------------------

// Puts the stream on the lists that its present state calls for. To be called after anything that
// may have changed it.
void Network::Settle(Stream& stream) {
  if (stream.is_closed() && stream.fd() >= 0) {
    if (stream.notes.watched != 0) poller_.Unwatch(stream.fd());
    stream.Release();
  }
  interests_.Note(stream);
  if (stream.HasReports()) reporting_.Append(stream);
}

void Network::FlushReports() {
  while (!reporting_.empty() && Report(*reporting_.front())) {
  }
  datagrams_.FlushReports();
}

// Says all that the stream has to say. Returns false when there is no room for the rest.
bool Network::Report(Stream& stream) {
  const Token token = stream.token();
  const auto queued = static_cast<uint32_t>(std::min<size_t>(stream.queued(), INT32_MAX));
  if (stream.Has(Stream::kReportConnected)) {
    if (!ready_.Append(Kind::kConnected, token)) return false;
    stream.Forget(Stream::kReportConnected);
  }
  if (stream.Has(Stream::kReportEof)) {
    if (!ready_.Append(Kind::kEof, token)) return false;
    stream.Forget(Stream::kReportEof);
  }
  if (stream.Has(Stream::kReportPending)) {
    // What has gone out in the meantime was not worth mentioning.
    if (queued > 0 && !ready_.Append(Kind::kPending, token, queued)) return false;
    stream.Forget(Stream::kReportPending);
  }
  if (stream.Has(Stream::kReportFileSent)) {
    const uint64_t bytes = stream.file_bytes_sent();
    const uint32_t high = FileReport::High(bytes, stream.file_error());
    if (!ready_.Append(Kind::kFileSent, token, FileReport::Low(bytes), high)) return false;
    stream.Forget(Stream::kReportFileSent);
  }
  if (stream.IsDrained()) {
    if (!ready_.Append(Kind::kDrained, token, queued)) return false;
    stream.ForgetDrain();
  }
  reporting_.Remove(stream);
  if (!stream.Has(Stream::kReportClosed)) return true;

  const bool said = ready_.Append(Kind::kClosed, token, static_cast<uint32_t>(stream.error()),
                                  static_cast<uint32_t>(stream.failed_operation()));
  if (said) {
    RetireStream(stream);
  } else {
    reporting_.Append(stream);
  }
  return said;
}

void Network::SyncInterests() {
  interests_.Sync([this](Stream& stream) { Settle(stream); });
  datagrams_.SyncInterests();
}

// --- Batches ----------------------------------------------------------------------------------

void Network::Poll() {
  FlushReports();
  if (!poller_.is_open() || ready_.room() == 0) return;
  if (!HasLeftover()) {
    SyncInterests();
    batch_next_ = 0;
    batch_size_ = std::max(0, poller_.Wait(batch_.data(), static_cast<int>(batch_.size())));
  }
  RewindReceiveSlab();
  // An event that finds no room stays first in line. Asking the poller again instead would favour
  // the same few sockets: it lists those that stay ready in the same order every time.
  while (HasLeftover() && Dispatch(batch_[batch_next_])) ++batch_next_;
}

// When all that was received has been consumed, what of it was not kept is received into again.
void Network::RewindReceiveSlab() {
  if (!receive_slab_.attached() || !ready_.HasConsumed(last_read_position_)) return;
  receive_slab_.Rewind(control_[kReceiveKept]);
  if (receive_slab_.IsSpent()) control_[kReceiveSlabSpent] = 1;
}

// Returns false if the event has to wait for room. A stale one is no event.
bool Network::Dispatch(const PollEvent& event) {
  if (event.tag == Poller::kTimerTag) return true;
  const Token token = TokenOf(event.tag);
  if (TagClassOf(event.tag) == TagClass::kDatagram) {
    return datagrams_.Dispatch(token, event.readiness);
  }
  if (TagClassOf(event.tag) == TagClass::kWatcher) {
    return watchers_.Dispatch(token, event.readiness);
  }
  if (Listener* listener = Find<Listener>(token)) return AcceptFrom(*listener);
  Stream* stream = Find<Stream>(token);
  if (stream == nullptr) return true;

  const bool is_broken = event.readiness & kBroken;
  bool fits = true;
  if (stream->state() != StreamState::kConnecting && stream->reading() == Reading::kOn &&
      event.readiness & ~uint32_t{kWritable}) {
    fits = ReceiveFrom(*stream, event.readiness);
  }
  // Writing to a broken connection ends it, so that what the peer sent before is read first: a
  // server that refuses a request may answer and close without having read it to its end.
  if (event.readiness & (kWritable | kBroken) && (fits || !is_broken)) stream->OnWritable();
  if (is_broken && fits) stream->OnBroken();
  Settle(*stream);
  FlushReports();
  return fits;
}

// Receives once; goes on only where the end is near. The peer has finished: a receive that came
// back short has emptied the buffer, so the next one finds the end without another turn. The
// connection is broken: nothing more comes than what is there.
bool Network::ReceiveFrom(Stream& stream, uint32_t readiness) {
  for (;;) {
    if (ready_.room() == 0) return false;
    if (!receive_slab_.attached()) {
      control_[kReceiveSlabWanted] = 1;
      return true;
    }
    const std::span<uint8_t> into = receive_slab_.Next();
    if (into.empty()) return false;
    const size_t received = stream.Receive(into);
    if (received == 0) return true;
    ready_.Append(Kind::kRead, stream.token(), static_cast<uint32_t>(receive_slab_.cursor()),
                  static_cast<uint32_t>(received));
    last_read_position_ = ready_.tail();
    receive_slab_.Advance(received);
    if (readiness & kBroken) continue;
    if (!(readiness & kPeerFinished) || received == into.size()) return true;
  }
}

bool Network::AcceptFrom(Listener& listener) {
  for (int asked = 0; asked < kAcceptsMax; ++asked) {
    if (ready_.room() == 0) return false;
    SocketAddress peer;
    const Listener::Accepted accepted = listener.Accept(&peer);
    if (accepted.answer == Listener::Answer::kNobody) return true;
    if (accepted.answer == Listener::Answer::kTransient) continue;
    if (accepted.answer == Listener::Answer::kExhausted) {
      // Level-triggered readiness would come back at once, for nothing.
      poller_.Unwatch(listener.fd());
      ready_.Append(Kind::kAcceptFailed, listener.token(), static_cast<uint32_t>(accepted.value));
      return true;
    }
    Stream& stream = AddStream(accepted.value, StreamState::kOpen);
    stream.notes.addresses.reset(
        new Stream::KnownAddresses{peer.compact(), listener.own_address()});
    const Token token = stream.token();
    ready_.Append(Kind::kAccepted, listener.token(), token.slot, token.generation);
  }
  return true;
}

}  // namespace gyre

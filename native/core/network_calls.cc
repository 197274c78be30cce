// The network's cold half: what TypeScript asks for by a call, because it has arguments that do
// not fit a ring entry or an answer that cannot wait.

#include <fcntl.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "network.h"

namespace gyre {

Stream& Network::AddStream(int fd, StreamState state) {
  const Token token = endpoints_.Acquire(ready_);
  ++streams_;
  owners_.Note(fd, token);
  return endpoints_.Find(token)->emplace<Stream>(syscalls_, token, fd, state);
}

void Network::RetireStream(Stream& stream) {
  const uint32_t slot = stream.token().slot;
  Endpoint& endpoint = *endpoints_.Find(stream.token());
  reporting_.Remove(stream);
  interests_.Forget(stream);
  sending_.Remove(stream);
  endpoint.emplace<std::monostate>();
  endpoints_.Retire(slot, ready_.tail());
  --streams_;
}

void Network::CloseListener(Listener& listener) {
  const uint32_t slot = listener.token().slot;
  endpoints_.Find(listener.token())->emplace<std::monostate>();
  endpoints_.Retire(slot, ready_.tail());
  --listeners_;
}

int Network::Listen(const SocketAddress& address, const Listener::Options& options, Token* token) {
  int result = poller_.Open();
  if (result < 0) return result;
  const Token name = endpoints_.Acquire(ready_);
  Listener& listener = endpoints_.Find(name)->emplace<Listener>(syscalls_, name);
  ++listeners_;
  result = listener.Open(address, options);
  if (result == 0) owners_.Note(listener.fd(), name);
  if (result == 0 && !options.paused) {
    result = poller_.Watch(listener.fd(), TagOf(name), kReadable);
  }
  if (result < 0) {
    CloseListener(listener);
    return result;
  }
  *token = name;
  return 0;
}

int Network::Connect(const SocketAddress& remote, const SocketAddress* local, Token* token,
                     Operation* failed) {
  *failed = Operation::kConnect;
  int result = poller_.Open();
  if (result < 0) return result;
  const int fd = syscalls_.Socket(remote.family(), SOCK_STREAM, 0);
  if (fd < 0) return fd;
  if (remote.family() != AF_UNIX) {
    result = syscalls_.SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  }
  if (result == 0 && local != nullptr) {
    *failed = Operation::kBind;
    result = syscalls_.Bind(fd, local->get(), local->length());
  }
  if (result < 0) {
    syscalls_.Close(fd);
    return result;
  }
  Stream& stream = AddStream(fd, StreamState::kConnecting);
  *token = stream.token();
  stream.Connect(remote.get(), remote.length());
  Settle(stream);
  return 0;
}

int Network::OpenPipe(int fd, Role role, bool closes, Token* token) {
  if (fd < 0) return -EBADF;
  if (Owns(fd)) return -EEXIST;
  int result = poller_.Open();
  if (result < 0) return result;
  const int flags = syscalls_.GetFlags(fd);
  if (flags < 0) return flags;
  const bool blocks = (flags & O_NONBLOCK) == 0;
  if (blocks) result = syscalls_.SetFlags(fd, flags | O_NONBLOCK);
  if (result < 0) return result;
  const Token name = endpoints_.Acquire(ready_);
  Stream& stream = endpoints_.Find(name)->emplace<Stream>(syscalls_, name, fd, role,
                                                          Stream::Ending{closes, blocks});
  ++streams_;
  owners_.Note(fd, name);
  // Now, and not when there is something to wait for: what cannot be waited for is no pipe.
  result = poller_.Watch(fd, TagOf(name), kBroken);
  if (result < 0) {
    stream.Disown();
    RetireStream(stream);
    return result;
  }
  stream.notes.watched = kBroken;
  Settle(stream);
  *token = name;
  return 0;
}

int64_t Network::Write(Token token, std::span<uint8_t> data) {
  Stream* stream = Find<Stream>(token);
  if (stream == nullptr) return -EBADF;
  if (!stream->CanSend()) return -EPIPE;
  if (!data.empty()) {
    iovec slice{data.data(), data.size()};
    stream->Send(&slice, 1);
    Settle(*stream);
  }
  if (stream->error() != 0) return -stream->error();
  return static_cast<int64_t>(stream->queued());
}

int Network::SendFile(Token token, int fd, uint64_t offset, uint64_t bytes) {
  Stream* stream = Find<Stream>(token);
  // Broken, and not yet told. EBADF would be the file's.
  if (stream == nullptr) return -EPIPE;
  const int result = stream->SendFile(fd, offset, std::min(bytes, FileReport::kBytesMax));
  Settle(*stream);
  return result;
}

int64_t Network::PendingBytes(Token token) {
  const Stream* stream = Find<Stream>(token);
  return stream != nullptr ? static_cast<int64_t>(stream->queued()) : -EBADF;
}

int Network::Surrender(Token token) {
  Stream* stream = Find<Stream>(token);
  if (stream == nullptr) return -EBADF;
  // What stands in the ring is as little to be lost as what is not said yet.
  if (!stream->CanSurrender() || ready_.Mentions(token, Kind::kAccepted, Kind::kFileSent)) {
    return -EBUSY;
  }
  // The descriptor stays open, so that the poller does not forget it by itself.
  if (stream->notes.watched != 0) {
    const int result = poller_.Unwatch(stream->fd());
    if (result < 0) return result;
  }
  const int fd = stream->Surrender();
  RetireStream(*stream);
  return fd;
}

int Network::DescriptorOf(Token token) {
  if (const Stream* stream = Find<Stream>(token)) return stream->fd();
  if (const Listener* listener = Find<Listener>(token)) return listener->fd();
  return -1;
}

int Network::FileDescriptor(Token token) {
  const int fd = DescriptorOf(token);
  return fd >= 0 ? fd : -EBADF;
}

int Network::Address(Token token, bool peer, SocketAddress* address) {
  const Stream* stream = Find<Stream>(token);
  if (stream != nullptr && stream->notes.addresses != nullptr) {
    const auto& [known_peer, known_own] = *stream->notes.addresses;
    const CompactAddress& known = peer ? known_peer : known_own;
    if (!known.empty()) {
      *address = SocketAddress(known);
      return 0;
    }
  }
  const int fd = DescriptorOf(token);
  if (fd < 0) return -EBADF;
  return peer ? syscalls_.PeerName(fd, address->get_mutable(), address->room())
              : syscalls_.LocalName(fd, address->get_mutable(), address->room());
}

int Network::TakeAddresses(Token token, SocketAddress* peer, SocketAddress* own) {
  int result = Address(token, true, peer);
  if (result == 0) result = Address(token, false, own);
  if (Stream* stream = Find<Stream>(token)) stream->notes.addresses.reset();
  return result;
}

int Network::SetOption(Token token, SocketOption option, bool value, int delay_seconds) {
  const int fd = DescriptorOf(token);
  if (fd < 0) return -EBADF;
  if (option == SocketOption::kNoDelay) {
    return syscalls_.SetOption(fd, IPPROTO_TCP, TCP_NODELAY, value);
  }
  if (option != SocketOption::kKeepAlive) return -EINVAL;
  const int result = syscalls_.SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, value);
  if (result < 0 || !value || delay_seconds <= 0) return result;
  return syscalls_.SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, delay_seconds);
}

bool Network::Owns(int fd) {
  return (fd >= 0 && DescriptorOf(owners_.LastOwner(fd)) == fd) || datagrams_.Owns(fd);
}

int Network::WatchDescriptor(int fd, uint32_t interest, Token* token) {
  if (fd < 0) return -EBADF;
  if (interest == 0 || (interest & ~uint32_t{kReadable | kWritable}) != 0) return -EINVAL;
  return Owns(fd) ? -EEXIST : watchers_.Watch(fd, interest, token);
}

int Network::SetDescriptorInterest(Token token, uint32_t interest) {
  const int fd = watchers_.DescriptorOf(token);
  if (fd < 0) return -EBADF;
  // What was watched may be closed by now, and its number be that of a socket of the loop.
  const bool is_foreign = Owns(fd);
  if (interest == 0) {
    watchers_.Unwatch(token, is_foreign);
    return 0;
  }
  return is_foreign ? -EEXIST : watchers_.SetInterest(token, interest);
}

void Network::CloseAll() {
  endpoints_.ForEach([this](Endpoint& endpoint) {
    if (Stream* stream = std::get_if<Stream>(&endpoint)) {
      RetireStream(*stream);
    } else if (Listener* listener = std::get_if<Listener>(&endpoint)) {
      CloseListener(*listener);
    }
  });
  datagrams_.CloseAll();
  watchers_.Clear();
  slices_.clear();
  batch_next_ = batch_size_ = 0;
}

}  // namespace gyre

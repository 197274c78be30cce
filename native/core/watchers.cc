#include "watchers.h"

#include <cerrno>

namespace gyre {

Watchers::Watcher* Watchers::Find(Token token) {
  std::optional<Watcher>* cell = watchers_.Find(token);
  return cell != nullptr && cell->has_value() ? &**cell : nullptr;
}

void Watchers::Retire(Token token) {
  watchers_.Find(token)->reset();
  watchers_.Retire(token.slot, ready_.tail());
  --count_;
}

int Watchers::Watch(int fd, uint32_t interest, Token* token) {
  int result = poller_.Open();
  if (result < 0) return result;
  const Token name = watchers_.Acquire(ready_);
  watchers_.Find(name)->emplace(Watcher{fd, interest});
  ++count_;
  result = poller_.Watch(fd, MakeTag(TagClass::kWatcher, name), interest);
  if (result < 0) {
    Retire(name);
    return result;
  }
  *token = name;
  return 0;
}

int Watchers::SetInterest(Token token, uint32_t interest) {
  Watcher* watcher = Find(token);
  if (watcher == nullptr) return -EBADF;
  const uint64_t tag = MakeTag(TagClass::kWatcher, token);
  int result = poller_.Rewatch(watcher->fd, tag, interest);
  // It was closed, and with that it left the poller; this is another one of the same number.
  if (result == -ENOENT) result = poller_.Watch(watcher->fd, tag, interest);
  if (result == 0) watcher->interest = interest;
  return result;
}

void Watchers::Unwatch(Token token, bool is_foreign) {
  const Watcher* watcher = Find(token);
  if (watcher == nullptr) return;
  // Fails if the descriptor was closed, and then there is nothing to be done.
  if (!is_foreign) poller_.Unwatch(watcher->fd);
  Retire(token);
}

int Watchers::DescriptorOf(Token token) {
  const Watcher* watcher = Find(token);
  return watcher != nullptr ? watcher->fd : -1;
}

bool Watchers::Dispatch(Token token, uint32_t readiness) {
  Watcher* watcher = Find(token);
  if (watcher == nullptr) return true;
  // Nobody has heard of the last time yet: saying it again would have the callback run for what it
  // is about to deal with.
  if (watcher->has_reported && !ready_.HasConsumed(watcher->reported_at)) return true;
  uint32_t ready = 0;
  if (readiness & (kReadable | kPeerFinished | kBroken)) ready |= kReadable;
  if (readiness & (kWritable | kBroken)) ready |= kWritable;
  ready &= watcher->interest;
  if (ready == 0) return true;
  if (!ready_.Append(Kind::kDescriptorReady, token, ready)) return false;
  watcher->has_reported = true;
  watcher->reported_at = ready_.tail();
  return true;
}

void Watchers::Clear() {
  watchers_.ForEach([](std::optional<Watcher>& watcher) { watcher.reset(); });
  count_ = 0;
}

}  // namespace gyre

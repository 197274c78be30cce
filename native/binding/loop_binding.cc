#include "loop_binding.h"

#include "environment.h"
#include "loop_methods.h"

namespace gyre {

namespace {

std::span<uint8_t> BytesOf(napi_env env, napi_value buffer) {
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_arraybuffer_info(env, buffer, &data, &length) != napi_ok) return {};
  return {static_cast<uint8_t*>(data), length};
}

// Empty unless the buffer holds a power of two of entries.
std::span<Entry> EntriesOf(napi_env env, napi_value value) {
  const std::span<uint8_t> buffer = BytesOf(env, value);
  const size_t count = buffer.size() / sizeof(Entry);
  if (count == 0 || (count & (count - 1)) != 0 || count > 1u << 27) return {};
  return {reinterpret_cast<Entry*>(buffer.data()), count};
}

Loop::Options OptionsFrom(napi_env env, napi_value object) {
  Loop::Options options;
  napi_value value = nullptr;
  double origin_ns = 0;
  napi_get_named_property(env, object, "clockOriginNs", &value);
  napi_get_value_double(env, value, &origin_ns);
  options.clock_origin_ns = static_cast<int64_t>(origin_ns);
  napi_get_named_property(env, object, "virtual", &value);
  napi_get_value_bool(env, value, &options.is_virtual);
  return options;
}

}  // namespace

LoopBinding::LoopBinding(napi_env env, Environment& environment, uv_loop_t* uv, uint32_t* control,
                         std::span<Entry> ready, std::span<Entry> submissions,
                         const Loop::Options& options)
    : env_(env),
      environment_(environment),
      loop_(environment.syscalls(), control, ready, submissions, options),
      host_(uv, loop_, *this, environment.census()) {
  environment_.Add(*this);
}

napi_value LoopBinding::DefineClass(napi_env env) {
  napi_value loop_class = nullptr;
  const auto methods = LoopMethods();
  napi_define_class(env, "NativeLoop", NAPI_AUTO_LENGTH, Construct, nullptr, methods.size(),
                    methods.data(), &loop_class);
  return loop_class;
}

napi_value LoopBinding::Construct(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const std::span<uint8_t> control = BytesOf(env, arguments[0]);
  const std::span<Entry> ready = EntriesOf(env, arguments[1]);
  const std::span<Entry> submissions = EntriesOf(env, arguments[2]);
  napi_valuetype on_visit_type = napi_undefined;
  napi_typeof(env, arguments[4], &on_visit_type);
  uv_loop_t* uv = nullptr;
  napi_get_uv_event_loop(env, &uv);
  if (control.size() < kControlWords * sizeof(uint32_t) || ready.empty() || submissions.empty() ||
      on_visit_type != napi_function || uv == nullptr) {
    napi_throw_type_error(env, nullptr, "createLoop: a control block, two rings and a function");
    return nullptr;
  }
  const Loop::Options options = OptionsFrom(env, arguments[3]);
  auto* self =
      new LoopBinding(env, *Environment::Of(env), uv, reinterpret_cast<uint32_t*>(control.data()),
                      ready, submissions, options);
  self->buffers_[kControl].Take(env, arguments[0]);
  self->buffers_[kReady].Take(env, arguments[1]);
  self->buffers_[kSubmissions].Take(env, arguments[2]);
  // Of an object of its own: Node 26 holds the object of a context, and the wrapper would never go.
  napi_async_init(env, nullptr, MakeText(env, "GYRE_LOOP"), &self->async_context_);

  const napi_value wrapper = arguments.receiver();
  const napi_property_descriptor on_visit = {"onVisit", nullptr,      nullptr,      nullptr,
                                             nullptr,   arguments[4], napi_default, nullptr};
  napi_define_properties(env, wrapper, 1, &on_visit);
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<LoopBinding*>(data); };
  if (napi_wrap(env, wrapper, self, destroy, nullptr, nullptr) != napi_ok) {
    delete self;
    return nullptr;
  }
  return wrapper;
}

void LoopBinding::SetReadyRing(napi_value buffer) {
  const std::span<Entry> ring = EntriesOf(env_, buffer);
  if (ring.empty() || ring.size() < loop_.ready_size()) return;
  loop_.SetReadyRing(ring);
  buffers_[kReady].Take(env_, buffer);
}

void LoopBinding::SetReceiveSlab(napi_value buffer) {
  loop_.network().SetReceiveSlab(BytesOf(env_, buffer));
  buffers_[kReceive].Take(env_, buffer);
}

void LoopBinding::SetSendSlab(napi_value buffer) {
  // What was submitted so far lies in the old slab.
  loop_.Drain();
  loop_.network().SetSendSlab(BytesOf(env_, buffer));
  buffers_[kSend].Take(env_, buffer);
}

void LoopBinding::Poll() {
  CheckReceiveSlab();
  loop_.Drain();
  // Without sockets the poller has nothing to say but that its timer went off, and timers are
  // looked at in any case.
  loop_.Poll(loop_.network().IsWaiting());
}

void LoopBinding::SetActive(bool active, napi_value wrapper) {
  if (loop_.is_closed() || active == host_.is_active()) return;
  if (active) {
    napi_value on_visit = nullptr;
    napi_get_named_property(env_, wrapper, "onVisit", &on_visit);
    wrapper_.Take(env_, wrapper);
    on_visit_.Take(env_, on_visit);
  }
  host_.SetActive(active);
  if (!active) {
    on_visit_.Release();
    wrapper_.Release();
  }
}

void LoopBinding::SetDatagramSlab(napi_value buffer) {
  loop_.network().datagrams().SetSlab(BytesOf(env_, buffer));
  buffers_[kDatagram].Take(env_, buffer);
}

// User code can take the memory away: a view of a slab has the buffer, and whoever transfers that
// leaves the core with memory that may be freed.
void LoopBinding::CheckReceiveSlab() {
  if (IsDetached(buffers_[kReceive])) {
    loop_.network().SetReceiveSlab({});
    buffers_[kReceive].Release();
  }
  if (IsDetached(buffers_[kDatagram])) {
    loop_.network().datagrams().SetSlab({});
    buffers_[kDatagram].Release();
  }
}

bool LoopBinding::IsDetached(const Hold& buffer) const {
  if (!buffer) return false;
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env_, &scope);
  bool is_detached = false;
  napi_is_detached_arraybuffer(env_, buffer.Get(), &is_detached);
  napi_close_handle_scope(env_, scope);
  return is_detached;
}

bool LoopBinding::EnterTypeScript() {
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env_, &scope);
  // Microtasks and process.nextTick run when this call ends, as after every callback of Node's.
  const napi_status status = napi_make_callback(env_, async_context_, wrapper_.Get(),
                                                on_visit_.Get(), 0, nullptr, nullptr);
  bool may_go_on = status == napi_ok;
  bool has_thrown = false;
  napi_is_exception_pending(env_, &has_thrown);
  if (has_thrown) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env_, &error);
    // Fails when the environment is being terminated, and then nothing more can run.
    may_go_on = napi_fatal_exception(env_, error) == napi_ok;
  }
  napi_close_handle_scope(env_, scope);
  return may_go_on;
}

void LoopBinding::Close() {
  if (loop_.is_closed()) return;
  environment_.Remove(*this);
  // libuv lets go of the descriptor before it is closed, or it would complain about a bad one.
  host_.Close();
  loop_.Close();
  for (Hold& buffer : buffers_) buffer.Release();
  on_visit_.Release();
  wrapper_.Release();
  if (async_context_ != nullptr) napi_async_destroy(env_, async_context_);
  async_context_ = nullptr;
}

}  // namespace gyre

// One NativeLoop object: it joins a core loop, its host and the JavaScript object that wraps them.
// Invariants: 1. The buffers that the core points into are held until Close, which first lets the
//                core go of them.
//             2. onVisit is a property of the wrapper, not a hold: a hold on it would keep alive
//                whatever it closes over, and with that, most likely, the wrapper. Only an active
//                loop, which must not be collected anyway, is held with its function.
//             3. After Close every method does nothing, or returns -EBADF.

#pragma once

#include <node_api.h>

#include <array>
#include <memory>

#include "../core/intrusive_list.h"
#include "../core/loop.h"
#include "host_uv.h"
#include "napi.h"

namespace gyre {

class Environment;

class LoopBinding final : public Visitor {
 public:
  // Defines the class; `new` takes the arguments of createLoop.
  static napi_value DefineClass(napi_env env);

  Loop& loop() { return loop_; }
  Host& host() { return host_; }

  // The buffers are JavaScript ArrayBuffers; one that does not fit its purpose is refused, and
  // what was there stays.
  void SetReadyRing(napi_value buffer);
  void SetReceiveSlab(napi_value buffer);
  void SetSendSlab(napi_value buffer);
  void SetDatagramSlab(napi_value buffer);

  void SetActive(bool active, napi_value wrapper);

  // One batch, outside of a visit or within.
  void Poll();

  void Close();

  ListLink<LoopBinding> environment_link;

 private:
  enum Buffer : size_t { kControl, kReady, kSubmissions, kReceive, kSend, kDatagram, kBuffers };

  LoopBinding(napi_env env, Environment& environment, uv_loop_t* uv, uint32_t* control,
              std::span<Entry> ready, std::span<Entry> submissions, const Loop::Options& options);
  ~LoopBinding() { Close(); }

  static napi_value Construct(napi_env env, napi_callback_info info);

  void CheckReceiveSlab() override;
  bool IsDetached(const Hold& buffer) const;
  bool EnterTypeScript() override;

  napi_env env_;
  Environment& environment_;
  Loop loop_;
  Host host_;
  std::array<Hold, kBuffers> buffers_;
  Hold wrapper_;
  Hold on_visit_;
  napi_async_context async_context_ = nullptr;
};

}  // namespace gyre

// What the addon keeps for one JavaScript environment (the main thread, or a worker): the class of
// loops, the loops that are open, and the way to end them all when the environment ends.
// Invariants: 1. Every open loop stands on the list; a loop leaves it by closing.
//             2. The environment is not let go before libuv has closed the handles of every loop.

#pragma once

#include <node_api.h>

#include "../core/intrusive_list.h"
#include "../core/syscalls.h"
#include "host_uv.h"
#include "loop_binding.h"
#include "napi.h"

namespace gyre {

class Environment {
 public:
  // Makes the environment's instance and hands it over to Node-API. Returns null on failure.
  static Environment* Create(napi_env env);
  static Environment* Of(napi_env env);

  Syscalls& syscalls() { return syscalls_; }
  HandleCensus& census() { return census_; }
  Hold& loop_class() { return loop_class_; }

  void Add(LoopBinding& loop) { loops_.Append(loop); }
  void Remove(LoopBinding& loop) { loops_.Remove(loop); }

 private:
  static void OnExit(napi_async_cleanup_hook_handle handle, void* data);

  Syscalls syscalls_;
  HandleCensus census_;
  Hold loop_class_;
  IntrusiveList<LoopBinding, &LoopBinding::environment_link> loops_;
};

}  // namespace gyre

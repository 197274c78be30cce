#include "environment.h"

namespace gyre {

Environment* Environment::Create(napi_env env) {
  auto* environment = new Environment;
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  if (napi_set_instance_data(env, environment, destroy, nullptr) != napi_ok) {
    delete environment;
    return nullptr;
  }
  napi_add_async_cleanup_hook(env, OnExit, environment, nullptr);
  return environment;
}

Environment* Environment::Of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Environment*>(data);
}

// Node runs libuv's loop on until the hook's handle is removed, so that handles can close; the
// instance data goes after that.
void Environment::OnExit(napi_async_cleanup_hook_handle handle, void* data) {
  auto* self = static_cast<Environment*>(data);
  while (!self->loops_.empty()) self->loops_.front()->Close();
  self->census_.WhenNone([handle] { napi_remove_async_cleanup_hook(handle); });
}

}  // namespace gyre

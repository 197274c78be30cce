// How a method of NativeLoop is made of a plain function, and what many of them do with addresses
// and with the token of what they made.

#pragma once

#include <node_api.h>

#include <cerrno>

#include "loop_binding.h"
#include "napi.h"

namespace gyre {

using Method = napi_value (*)(LoopBinding& self, const Arguments& arguments);

// Finds the loop behind the receiver. Node-API has checked that it is an instance of the class,
// but not that its constructor ended well.
template <Method kMethod>
napi_value Call(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  void* self = nullptr;
  if (napi_unwrap(env, arguments.receiver(), &self) != napi_ok) return nullptr;
  auto& binding = *static_cast<LoopBinding*>(self);
  if (binding.loop().is_closed()) return MakeInteger(env, -EBADF);
  return kMethod(binding, arguments);
}

template <Method kMethod>
constexpr napi_property_descriptor Describe(const char* name) {
  return {name, nullptr, Call<kMethod>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

// Two arguments: an address and a port, or a path and -1.
inline int32_t ParseAddress(const Arguments& arguments, size_t index, SocketAddress* address) {
  if (arguments.Integer(index + 1) < 0) return address->SetPath(arguments.Text(index));
  return address->Parse(arguments.Text(index),
                        static_cast<uint16_t>(arguments.Unsigned(index + 1)));
}

// Leaves the token of what was made where TypeScript looks for it.
inline napi_value Made(LoopBinding& self, const Arguments& arguments, int result, Token token) {
  if (result == 0) self.loop().PutResult(token);
  self.host().Refresh();
  return MakeInteger(arguments.env(), result);
}

inline napi_value MakeAddress(napi_env env, const SocketAddress& address) {
  const bool is_path = address.family() == AF_UNIX;
  const char* family = is_path ? "Unix" : address.family() == AF_INET ? "IPv4" : "IPv6";
  const napi_value object = MakeObject(env);
  SetProperty(env, object, "address", MakeText(env, is_path ? address.path() : address.ip()));
  SetProperty(env, object, "family", MakeText(env, family));
  SetNumber(env, object, "port", is_path ? 0 : address.port());
  return object;
}

}  // namespace gyre

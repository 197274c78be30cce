// Reading arguments and making values with Node-API, in as few words as it can be done.
// A value of the wrong kind reads as nothing (0, false, an empty span): TypeScript has validated
// what it passes, and what must not be wrong for memory's sake is checked where it is used.

#pragma once

#include <node_api.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "../core/layout.h"

namespace gyre {

// The arguments of one call from JavaScript.
class Arguments {
 public:
  static constexpr size_t kCountMax = 6;

  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kCountMax;
    napi_get_cb_info(env, info, &count, values_, &receiver_, nullptr);
  }

  napi_env env() const { return env_; }
  napi_value receiver() const { return receiver_; }
  const napi_value* values() const { return values_; }
  napi_value operator[](size_t index) const { return values_[index]; }

  uint32_t Unsigned(size_t index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env_, values_[index], &value);
    return value;
  }

  int32_t Integer(size_t index) const {
    int32_t value = 0;
    napi_get_value_int32(env_, values_[index], &value);
    return value;
  }

  // A count of bytes: any number from 0 to 2^53.
  uint64_t Length(size_t index) const {
    double value = 0;
    napi_get_value_double(env_, values_[index], &value);
    return value > 0 ? static_cast<uint64_t>(std::min(value, 9007199254740992.0)) : 0;
  }

  // Truth as JavaScript has it, so that flags may be numbers.
  bool Boolean(size_t index) const {
    bool value = false;
    napi_value truth = nullptr;
    napi_coerce_to_bool(env_, values_[index], &truth);
    napi_get_value_bool(env_, truth, &value);
    return value;
  }

  std::string Text(size_t index) const {
    // An address with its scope, or the path of a Unix socket (unix(7): at most 108 bytes).
    char text[128] = "";
    size_t length = 0;
    napi_get_value_string_utf8(env_, values_[index], text, sizeof text, &length);
    return {text, length};
  }

  bool IsNullish(size_t index) const {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[index], &type);
    return type == napi_null || type == napi_undefined;
  }

  // A slot and a generation, as two arguments.
  Token TokenAt(size_t index) const { return {Unsigned(index), Unsigned(index + 1)}; }

  std::span<uint8_t> Bytes(size_t index) const {
    napi_typedarray_type type = napi_int8_array;
    void* data = nullptr;
    size_t length = 0;
    if (napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) !=
            napi_ok ||
        type != napi_uint8_array) {
      return {};
    }
    return {static_cast<uint8_t*>(data), length};
  }

 private:
  napi_env env_;
  napi_value receiver_ = nullptr;
  napi_value values_[kCountMax] = {};
};

inline napi_value MakeNumber(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

inline napi_value MakeInteger(napi_env env, int32_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}

inline napi_value MakeText(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

inline napi_value MakeObject(napi_env env) {
  napi_value value = nullptr;
  napi_create_object(env, &value);
  return value;
}

inline void SetProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

inline void SetNumber(napi_env env, napi_value object, const char* name, double number) {
  SetProperty(env, object, name, MakeNumber(env, number));
}

// A strong hold on a JavaScript object; empty to begin with.
class Hold {
 public:
  Hold() = default;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { Release(); }

  void Take(napi_env env, napi_value value) {
    Release();
    env_ = env;
    napi_create_reference(env, value, 1, &reference_);
  }

  void Release() {
    if (reference_ != nullptr) napi_delete_reference(env_, reference_);
    reference_ = nullptr;
  }

  // Null when empty.
  napi_value Get() const {
    napi_value value = nullptr;
    if (reference_ != nullptr) napi_get_reference_value(env_, reference_, &value);
    return value;
  }

  explicit operator bool() const { return reference_ != nullptr; }

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
};

}  // namespace gyre

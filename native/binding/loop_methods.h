// The methods of NativeLoop: each reads its arguments, asks the core, and makes a value of the
// answer. A result below 0 is a negative errno. A loop that is closed answers -EBADF to everything.

#pragma once

#include <node_api.h>

#include <vector>

namespace gyre {

// All of them, also those that stand in files of their own.
std::vector<napi_property_descriptor> LoopMethods();

}  // namespace gyre

// The methods of NativeLoop that are about descriptors of others. See loop_methods.h.

#pragma once

#include <node_api.h>

#include <span>

namespace gyre {

std::span<const napi_property_descriptor> DescriptorMethods();

}  // namespace gyre

#include "descriptor_methods.h"

#include "loop_method.h"

namespace gyre {

namespace {

napi_value WatchDescriptor(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  Token token;
  const int result =
      self.loop().network().WatchDescriptor(arguments.Integer(0), arguments.Unsigned(1), &token);
  return Made(self, arguments, result, token);
}

napi_value SetDescriptorInterest(LoopBinding& self, const Arguments& arguments) {
  const int result =
      self.loop().network().SetDescriptorInterest(arguments.TokenAt(0), arguments.Unsigned(2));
  self.host().Refresh();
  return MakeInteger(arguments.env(), result);
}

napi_value OpenPipe(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  Token token;
  const Role role = arguments.Boolean(1) ? Role::kWritePipe : Role::kReadPipe;
  const int result =
      self.loop().network().OpenPipe(arguments.Integer(0), role, arguments.Boolean(2), &token);
  return Made(self, arguments, result, token);
}

constexpr napi_property_descriptor kMethods[] = {
    Describe<WatchDescriptor>("watchDescriptor"),
    Describe<SetDescriptorInterest>("setDescriptorInterest"),
    Describe<OpenPipe>("openPipe"),
};

}  // namespace

std::span<const napi_property_descriptor> DescriptorMethods() { return kMethods; }

}  // namespace gyre

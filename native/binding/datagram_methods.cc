#include "datagram_methods.h"

#include "../core/address_record.h"
#include "loop_method.h"

namespace gyre {

namespace {

Datagrams& DatagramsOf(LoopBinding& self) { return self.loop().network().datagrams(); }

napi_value SetDatagramSlab(LoopBinding& self, const Arguments& arguments) {
  self.SetDatagramSlab(arguments[0]);
  return nullptr;
}

napi_value OpenDatagram(LoopBinding& self, const Arguments& arguments) {
  constexpr uint32_t kReusePort = 1;
  constexpr uint32_t kBroadcast = 2;
  constexpr uint32_t kIpv6Only = 4;
  self.loop().Drain();
  SocketAddress local;
  SocketAddress remote;
  Token token;
  const bool has_remote = !arguments.IsNullish(2);
  Operation failed = Operation::kBind;
  int result = ParseAddress(arguments, 0, &local);
  if (result == 0 && has_remote) {
    failed = Operation::kConnect;
    result = ParseAddress(arguments, 2, &remote);
  }
  if (result == 0) {
    const uint32_t flags = arguments.Unsigned(4);
    const Datagram::Options options = {(flags & kReusePort) != 0, (flags & kBroadcast) != 0,
                                       (flags & kIpv6Only) != 0};
    const SocketAddress* to = has_remote ? &remote : nullptr;
    result = DatagramsOf(self).Open(local, to, options, &token, &failed);
  }
  if (result < 0) self.loop().PutResult({static_cast<uint32_t>(failed), 0});
  return Made(self, arguments, result, token);
}

napi_value DatagramPendingBytes(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  const int64_t result = DatagramsOf(self).PendingBytes(arguments.TokenAt(0));
  return MakeNumber(arguments.env(), static_cast<double>(result));
}

napi_value DatagramAddress(LoopBinding& self, const Arguments& arguments) {
  const napi_env env = arguments.env();
  SocketAddress address;
  const int result =
      DatagramsOf(self).Address(arguments.TokenAt(0), arguments.Boolean(2), &address);
  return result < 0 ? MakeInteger(env, result) : MakeAddress(env, address);
}

napi_value SetDatagramOption(LoopBinding& self, const Arguments& arguments) {
  const auto option = static_cast<Datagrams::Option>(arguments.Unsigned(2));
  const int result =
      DatagramsOf(self).SetOption(arguments.TokenAt(0), option, arguments.Integer(3));
  return MakeInteger(arguments.env(), result);
}

// The value, or a negative errno.
napi_value GetDatagramOption(LoopBinding& self, const Arguments& arguments) {
  const auto option = static_cast<Datagrams::Option>(arguments.Unsigned(2));
  int value = 0;
  const int result = DatagramsOf(self).GetOption(arguments.TokenAt(0), option, &value);
  return MakeInteger(arguments.env(), result < 0 ? result : value);
}

napi_value SetMembership(LoopBinding& self, const Arguments& arguments) {
  SocketAddress group;
  SocketAddress interface;
  SocketAddress source;
  const bool has_interface = !arguments.IsNullish(4);
  const bool has_source = !arguments.IsNullish(5);
  int result = group.Parse(arguments.Text(3), 0);
  if (result == 0 && has_interface) result = interface.Parse(arguments.Text(4), 0);
  if (result == 0 && has_source) result = source.Parse(arguments.Text(5), 0);
  if (result == 0) {
    result = DatagramsOf(self).SetMembership(arguments.TokenAt(0), arguments.Boolean(2), group,
                                             has_interface ? &interface : nullptr,
                                             has_source ? &source : nullptr);
  }
  return MakeInteger(arguments.env(), result);
}

napi_value SetMulticastInterface(LoopBinding& self, const Arguments& arguments) {
  SocketAddress interface;
  int result = interface.Parse(arguments.Text(2), 0);
  if (result == 0) {
    result = DatagramsOf(self).SetMulticastInterface(arguments.TokenAt(0), interface);
  }
  return MakeInteger(arguments.env(), result);
}

// Writes the record of a numeric address, without its port, into the memory given.
napi_value EncodeAddress(LoopBinding&, const Arguments& arguments) {
  const std::span<uint8_t> into = arguments.Bytes(1);
  SocketAddress address;
  const int result = address.Parse(arguments.Text(0), 0);
  if (result < 0 || into.size() < sizeof(AddressRecord)) {
    return MakeInteger(arguments.env(), -EINVAL);
  }
  const AddressRecord record = AddressRecord::Of(address);
  std::memcpy(into.data(), &record, sizeof record);
  return MakeInteger(arguments.env(), 0);
}

// The address of a record, or -EINVAL where there is none.
napi_value DecodeAddress(LoopBinding&, const Arguments& arguments) {
  const std::span<uint8_t> from = arguments.Bytes(0);
  AddressRecord record;
  SocketAddress address;
  if (from.size() >= sizeof record) std::memcpy(&record, from.data(), sizeof record);
  if (!record.Store(&address)) return MakeInteger(arguments.env(), -EINVAL);
  return MakeAddress(arguments.env(), address);
}

constexpr napi_property_descriptor kMethods[] = {
    Describe<SetDatagramSlab>("setDatagramSlab"),
    Describe<OpenDatagram>("openDatagram"),
    Describe<DatagramPendingBytes>("datagramPendingBytes"),
    Describe<DatagramAddress>("datagramAddress"),
    Describe<SetDatagramOption>("setDatagramOption"),
    Describe<GetDatagramOption>("getDatagramOption"),
    Describe<SetMembership>("setMembership"),
    Describe<SetMulticastInterface>("setMulticastInterface"),
    Describe<EncodeAddress>("encodeAddress"),
    Describe<DecodeAddress>("decodeAddress"),
};

}  // namespace

std::span<const napi_property_descriptor> DatagramMethods() { return kMethods; }

}  // namespace gyre

#include "loop_methods.h"

#include "datagram_methods.h"
#include "descriptor_methods.h"
#include "loop_method.h"

namespace gyre {

namespace {

// --- Memory -----------------------------------------------------------------------------------

napi_value SetReadyRing(LoopBinding& self, const Arguments& arguments) {
  self.SetReadyRing(arguments[0]);
  return nullptr;
}

napi_value SetReceiveSlab(LoopBinding& self, const Arguments& arguments) {
  self.SetReceiveSlab(arguments[0]);
  return nullptr;
}

napi_value SetSendSlab(LoopBinding& self, const Arguments& arguments) {
  self.SetSendSlab(arguments[0]);
  return nullptr;
}

// --- Turns ------------------------------------------------------------------------------------

napi_value SetActive(LoopBinding& self, const Arguments& arguments) {
  self.SetActive(arguments.Boolean(0), arguments.receiver());
  return nullptr;
}

napi_value Wake(LoopBinding& self, const Arguments&) {
  self.host().Wake();
  return nullptr;
}

napi_value Flush(LoopBinding& self, const Arguments&) {
  self.loop().Drain();
  self.host().Refresh();
  return nullptr;
}

napi_value Poll(LoopBinding& self, const Arguments&) {
  self.Poll();
  return nullptr;
}

napi_value Advance(LoopBinding& self, const Arguments& arguments) {
  return MakeNumber(arguments.env(), static_cast<double>(self.loop().Advance()));
}

napi_value Close(LoopBinding& self, const Arguments&) {
  self.Close();
  return nullptr;
}

// --- Sockets ----------------------------------------------------------------------------------
// They drain first, so that what was submitted before the call happens before it.

napi_value Listen(LoopBinding& self, const Arguments& arguments) {
  constexpr uint32_t kReusePort = 1;
  constexpr uint32_t kIpv6Only = 2;
  constexpr uint32_t kReuseAddress = 4;
  constexpr uint32_t kPaused = 8;
  self.loop().Drain();
  SocketAddress address;
  Token token;
  int result = ParseAddress(arguments, 0, &address);
  if (result == 0) {
    const uint32_t flags = arguments.Unsigned(3);
    const Listener::Options options = {.backlog = arguments.Integer(2),
                                       .reuse_port = (flags & kReusePort) != 0,
                                       .ipv6_only = (flags & kIpv6Only) != 0,
                                       .reuse_address = (flags & kReuseAddress) != 0,
                                       .paused = (flags & kPaused) != 0};
    result = self.loop().network().Listen(address, options, &token);
  }
  return Made(self, arguments, result, token);
}

napi_value Connect(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  SocketAddress remote;
  SocketAddress local;
  Token token;
  const bool has_local = !arguments.IsNullish(2);
  Operation failed = Operation::kConnect;
  int result = ParseAddress(arguments, 0, &remote);
  if (result == 0 && has_local) result = ParseAddress(arguments, 2, &local);
  if (result == 0) {
    result = self.loop().network().Connect(remote, has_local ? &local : nullptr, &token, &failed);
  }
  if (result < 0) self.loop().PutResult({static_cast<uint32_t>(failed), 0});
  return Made(self, arguments, result, token);
}

napi_value Write(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  const int64_t result = self.loop().network().Write(arguments.TokenAt(0), arguments.Bytes(2));
  self.host().Refresh();
  return MakeNumber(arguments.env(), static_cast<double>(result));
}

// Offset and length are doubles, whole and not negative; what is beyond the end of a file is
// harmless.
napi_value SendFile(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  const int result = self.loop().network().SendFile(arguments.TokenAt(0), arguments.Integer(2),
                                                    arguments.Length(3), arguments.Length(4));
  self.host().Refresh();
  return MakeInteger(arguments.env(), result);
}

napi_value PendingBytes(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  const int64_t result = self.loop().network().PendingBytes(arguments.TokenAt(0));
  return MakeNumber(arguments.env(), static_cast<double>(result));
}

napi_value Surrender(LoopBinding& self, const Arguments& arguments) {
  self.loop().Drain();
  const int result = self.loop().network().Surrender(arguments.TokenAt(0));
  self.host().Refresh();
  return MakeInteger(arguments.env(), result);
}

napi_value Address(LoopBinding& self, const Arguments& arguments) {
  const napi_env env = arguments.env();
  SocketAddress address;
  const int result =
      self.loop().network().Address(arguments.TokenAt(0), arguments.Boolean(2), &address);
  if (result < 0) return MakeInteger(env, result);
  return MakeAddress(env, address);
}

// Both addresses of a TCP connection in one line, "peer port own port": made for every connection,
// and read for few.
napi_value Addresses(LoopBinding& self, const Arguments& arguments) {
  // Two IPv4 addresses; longer ones make the line grow.
  constexpr size_t kAddressesBytes = 48;
  SocketAddress peer;
  SocketAddress own;
  const int result = self.loop().network().TakeAddresses(arguments.TokenAt(0), &peer, &own);
  if (result < 0) return MakeInteger(arguments.env(), result);
  std::string line;
  line.reserve(kAddressesBytes);
  for (const SocketAddress& address : {peer, own}) {
    if (!line.empty()) line += ' ';
    line += address.ip();
    line += ' ';
    line += std::to_string(address.port());
  }
  return MakeText(arguments.env(), line);
}

napi_value SetOption(LoopBinding& self, const Arguments& arguments) {
  const auto option = static_cast<Network::SocketOption>(arguments.Unsigned(2));
  const int result = self.loop().network().SetOption(arguments.TokenAt(0), option,
                                                     arguments.Boolean(3), arguments.Integer(4));
  return MakeInteger(arguments.env(), result);
}

constexpr napi_property_descriptor kMethods[] = {
    Describe<SetReadyRing>("setReadyRing"),
    Describe<SetReceiveSlab>("setReceiveSlab"),
    Describe<SetSendSlab>("setSendSlab"),
    Describe<SetActive>("setActive"),
    Describe<Wake>("wake"),
    Describe<Flush>("flush"),
    Describe<Poll>("poll"),
    Describe<Advance>("advance"),
    Describe<Close>("close"),
    Describe<Listen>("listen"),
    Describe<Connect>("connect"),
    Describe<Write>("write"),
    Describe<SendFile>("sendFile"),
    Describe<PendingBytes>("pendingBytes"),
    Describe<Surrender>("surrender"),
    Describe<Address>("address"),
    Describe<Addresses>("addresses"),
    Describe<SetOption>("setOption"),
};

}  // namespace

std::vector<napi_property_descriptor> LoopMethods() {
  std::vector<napi_property_descriptor> methods(std::begin(kMethods), std::end(kMethods));
  for (const auto others : {DatagramMethods(), DescriptorMethods()}) {
    methods.insert(methods.end(), others.begin(), others.end());
  }
  return methods;
}

}  // namespace gyre

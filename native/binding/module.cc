// What the addon exports: the layout of the shared memory, and createLoop.

#include <utility>

#include "../core/address_record.h"
#include "../core/datagram_slab.h"
#include "../core/layout.h"
#include "environment.h"
#include "loop_binding.h"
#include "napi.h"

namespace gyre {

namespace {

using Names = std::initializer_list<std::pair<const char*, uint32_t>>;

napi_value MakeTable(napi_env env, Names names) {
  const napi_value table = MakeObject(env);
  for (const auto& [name, number] : names) SetNumber(env, table, name, number);
  return table;
}

template <class Enum>
constexpr uint32_t Number(Enum value) {
  return static_cast<uint32_t>(value);
}

napi_value MakeLayout(napi_env env) {
  const napi_value layout = MakeTable(env, {{"version", kLayoutVersion},
                                            {"controlWords", kControlWords},
                                            {"entryBytes", sizeof(Entry)},
                                            {"generationBits", kGenerationBits},
                                            {"firstForeignKind", kFirstForeignKind},
                                            {"fileErrorBits", FileReport::kErrorBits},
                                            {"addressRecordBytes", sizeof(AddressRecord)},
                                            {"receiveSlabBytes", ReceiveSlab::kBytes},
                                            {"datagramSlabBytes", DatagramSlab::kBytes}});
  SetProperty(env, layout, "control",
              MakeTable(env, {{"readyHead", kReadyHead},
                              {"readyTail", kReadyTail},
                              {"submitHead", kSubmitHead},
                              {"submitTail", kSubmitTail},
                              {"asleep", kAsleep},
                              {"resultSlot", kResultSlot},
                              {"resultGeneration", kResultGeneration},
                              {"receiveKept", kReceiveKept},
                              {"receiveSlabSpent", kReceiveSlabSpent}}));
  SetProperty(env, layout, "kinds",
              MakeTable(env, {{"TIMER", Number(Kind::kTimer)},
                              {"ACCEPTED", Number(Kind::kAccepted)},
                              {"CONNECTED", Number(Kind::kConnected)},
                              {"READ", Number(Kind::kRead)},
                              {"EOF", Number(Kind::kEof)},
                              {"PENDING", Number(Kind::kPending)},
                              {"DRAINED", Number(Kind::kDrained)},
                              {"CLOSED", Number(Kind::kClosed)},
                              {"ACCEPT_FAILED", Number(Kind::kAcceptFailed)},
                              {"FILE_SENT", Number(Kind::kFileSent)},
                              {"DATAGRAM", Number(Kind::kDatagram)},
                              {"DATAGRAM_FAILED", Number(Kind::kDatagramFailed)},
                              {"DATAGRAM_PENDING", Number(Kind::kDatagramPending)},
                              {"DATAGRAM_DRAINED", Number(Kind::kDatagramDrained)},
                              {"DATAGRAM_CLOSED", Number(Kind::kDatagramClosed)},
                              {"DESCRIPTOR_READY", Number(Kind::kDescriptorReady)}}));
  SetProperty(env, layout, "ops",
              MakeTable(env, {{"TIMER_ARM", Number(Op::kTimerArm)},
                              {"TIMER_CANCEL", Number(Op::kTimerCancel)},
                              {"SEND", Number(Op::kSend)},
                              {"READ_START", Number(Op::kReadStart)},
                              {"READ_STOP", Number(Op::kReadStop)},
                              {"SHUTDOWN", Number(Op::kShutdown)},
                              {"CLOSE", Number(Op::kClose)},
                              {"ABORT", Number(Op::kAbort)},
                              {"WATCH_DRAIN", Number(Op::kWatchDrain)},
                              {"LISTEN_CLOSE", Number(Op::kListenClose)},
                              {"LISTEN_RESUME", Number(Op::kListenResume)},
                              {"LISTEN_PAUSE", Number(Op::kListenPause)},
                              {"DATAGRAM_SEND", Number(Op::kDatagramSend)},
                              {"DATAGRAM_START", Number(Op::kDatagramStart)},
                              {"DATAGRAM_CLOSE", Number(Op::kDatagramClose)},
                              {"DATAGRAM_ABORT", Number(Op::kDatagramAbort)},
                              {"DATAGRAM_WATCH_DRAIN", Number(Op::kDatagramWatchDrain)}}));
  SetProperty(env, layout, "operations",
              MakeTable(env, {{"NONE", Number(Operation::kNone)},
                              {"CONNECT", Number(Operation::kConnect)},
                              {"READ", Number(Operation::kRead)},
                              {"WRITE", Number(Operation::kWrite)},
                              {"BIND", Number(Operation::kBind)}}));
  using Option = Datagrams::Option;
  SetProperty(env, layout, "datagramOptions",
              MakeTable(env, {{"broadcast", Number(Option::kBroadcast)},
                              {"ttl", Number(Option::kTtl)},
                              {"multicastTtl", Number(Option::kMulticastTtl)},
                              {"multicastLoopback", Number(Option::kMulticastLoopback)},
                              {"receiveBufferBytes", Number(Option::kReceiveBufferBytes)},
                              {"sendBufferBytes", Number(Option::kSendBufferBytes)}}));
  return layout;
}

napi_value CreateLoop(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  napi_value loop = nullptr;
  napi_new_instance(env, Environment::Of(env)->loop_class().Get(), Arguments::kCountMax,
                    arguments.values(), &loop);
  return loop;
}

}  // namespace

napi_value Initialize(napi_env env, napi_value exports) {
  Environment* environment = Environment::Create(env);
  if (environment == nullptr) {
    napi_throw_error(env, nullptr, "gyre: no instance data for this environment");
    return nullptr;
  }
  environment->loop_class().Take(env, LoopBinding::DefineClass(env));
  SetProperty(env, exports, "layout", MakeLayout(env));
  const napi_property_descriptor create_loop = {"createLoop", nullptr, CreateLoop,      nullptr,
                                                nullptr,      nullptr, napi_enumerable, nullptr};
  napi_define_properties(env, exports, 1, &create_loop);
  return exports;
}

}  // namespace gyre

NAPI_MODULE_INIT() { return gyre::Initialize(env, exports); }

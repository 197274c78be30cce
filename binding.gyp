# The addon. CMakeLists.txt builds the same core for its unit tests.
# `GYP_DEFINES=gyre_sanitize=1 node-gyp rebuild` builds it with ASan and UBSan, to be loaded under
# `LD_PRELOAD=$(g++ -print-file-name=libasan.so)`.
{
  "variables": {"gyre_sanitize%": 0},
  "targets": [
    {
      "target_name": "gyre",
      "conditions": [
        [
          "OS == 'linux'",
          {
            "sources": [
              "native/core/address_record.cc",
              "native/core/datagram.cc",
              "native/core/datagram_calls.cc",
              "native/core/datagram_queue.cc",
              "native/core/datagram_runs.cc",
              "native/core/datagrams.cc",
              "native/core/freed_memory.cc",
              "native/core/listener.cc",
              "native/core/loop.cc",
              "native/core/network.cc",
              "native/core/network_calls.cc",
              "native/core/out_queue.cc",
              "native/core/poller_epoll.cc",
              "native/core/socket_address.cc",
              "native/core/stream.cc",
              "native/core/syscalls.cc",
              "native/core/syscalls_linux.cc",
              "native/core/timer_wheel.cc",
              "native/core/watchers.cc",
              "native/binding/datagram_methods.cc",
              "native/binding/descriptor_methods.cc",
              "native/binding/environment.cc",
              "native/binding/host_uv.cc",
              "native/binding/loop_binding.cc",
              "native/binding/loop_methods.cc",
              "native/binding/module.cc",
            ],
            "defines": ["NAPI_VERSION=9"],
            # Node's own settings come first; theirs that contradict ours go.
            "cflags!": ["-Wno-unused-parameter"],
            "cflags_cc!": ["-std=gnu++17"],
            "cflags_cc": [
              "-std=c++20",
              "-O2",
              "-Wall",
              "-Wextra",
              "-fvisibility=hidden",
              "-fno-exceptions",
              "-fno-rtti",
            ],
          },
          {"type": "none"},
        ],
        [
          "gyre_sanitize == 1",
          {
            "cflags_cc": [
              "-fsanitize=address,undefined",
              "-fno-sanitize=vptr",
              "-fno-omit-frame-pointer",
              "-g",
            ],
            "cflags_cc!": ["-O2", "-O3"],
            "ldflags": ["-fsanitize=address,undefined"],
          },
          {"defines": ["NDEBUG"]},
        ],
      ],
    }
  ],
}

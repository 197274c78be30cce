#include "datagram_queue.h"

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <random>
#include <string>

using namespace gyre;

namespace {

bool Append(DatagramQueue& queue, std::string bytes, SocketAddress* to = nullptr) {
  iovec slice{bytes.data(), bytes.size()};
  msghdr message{};
  if (to != nullptr) {
    message.msg_name = to->get_mutable();
    message.msg_namelen = to->length();
  }
  message.msg_iov = &slice;
  message.msg_iovlen = 1;
  return queue.Append(message);
}

std::string TextOf(const mmsghdr& message) {
  REQUIRE(message.msg_hdr.msg_iovlen == 1);
  const iovec& slice = *message.msg_hdr.msg_iov;
  return {static_cast<const char*>(slice.iov_base), slice.iov_len};
}

}  // namespace

TEST_CASE("datagrams keep their bytes, their addresses and their order") {
  DatagramQueue queue;
  SocketAddress to;
  REQUIRE(to.Parse("::1", 53) == 0);
  REQUIRE(Append(queue, "one", &to));
  REQUIRE(Append(queue, ""));
  REQUIRE(Append(queue, std::string(65'507, 'x')));
  CHECK(queue.size() == 3);
  CHECK(queue.bytes() == 3 + 65'507 + 3 * DatagramQueue::kOverheadBytes);
  std::array<mmsghdr, 8> messages;
  std::array<iovec, 8> slices;
  CHECK(queue.Peek(messages.data(), slices.data(), 2) == 2);
  REQUIRE(queue.Peek(messages.data(), slices.data(), 8) == 3);
  CHECK(TextOf(messages[0]) == "one");
  REQUIRE(messages[0].msg_hdr.msg_namelen == to.length());
  CHECK(reinterpret_cast<sockaddr_in6*>(messages[0].msg_hdr.msg_name)->sin6_port == htons(53));
  CHECK(TextOf(messages[1]).empty());
  CHECK(messages[1].msg_hdr.msg_name == nullptr);
  CHECK(TextOf(messages[2]).size() == 65'507);
  queue.Consume(2);
  CHECK(queue.size() == 1);
  queue.Clear();
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
}

TEST_CASE("random appends and consumes agree with a deque") {
  std::mt19937 random(7);
  DatagramQueue queue;
  std::deque<std::string> model;
  for (int step = 0; step < 5'000; ++step) {
    if (random() % 3 > 0) {
      model.emplace_back(random() % 40, static_cast<char>('a' + step % 26));
      REQUIRE(Append(queue, model.back()));
    } else {
      const size_t count = random() % (model.size() + 1);
      queue.Consume(count);
      model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(count));
    }
    REQUIRE(queue.size() == model.size());
    size_t bytes = 0;
    for (const std::string& text : model) bytes += text.size() + DatagramQueue::kOverheadBytes;
    REQUIRE(queue.bytes() == bytes);
    std::array<mmsghdr, 4> messages;
    std::array<iovec, 4> slices;
    const size_t count = queue.Peek(messages.data(), slices.data(), 4);
    REQUIRE(count == std::min<size_t>(4, model.size()));
    for (size_t i = 0; i < count; ++i) REQUIRE(TextOf(messages[i]) == model[i]);
  }
}

#include "out_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

using gyre::OutQueue;

namespace {

std::string Content(const OutQueue& queue) {
  std::array<iovec, 1'024> slices;
  const size_t count = queue.Peek(slices.data(), slices.size());
  std::string content;
  for (size_t i = 0; i < count; ++i) {
    content.append(static_cast<const char*>(slices[i].iov_base), slices[i].iov_len);
  }
  return content;
}

}  // namespace

TEST_CASE("an empty queue has nothing to peek at") {
  OutQueue queue;
  iovec slice;
  CHECK(queue.Peek(&slice, 1) == 0);
  CHECK(queue.Append("", 0));
  CHECK(queue.Peek(&slice, 1) == 0);
  CHECK(queue.empty());
}

TEST_CASE("an append that finds no memory takes nothing") {
  OutQueue queue;
  REQUIRE(queue.Append("abc", 3));
  const std::string byte = "x";
  // More than an address space holds: malloc refuses before a byte is copied.
  CHECK_FALSE(queue.Append(byte.data(), size_t{1} << 62));
  CHECK(Content(queue) == "abc");
}

TEST_CASE("a moved queue takes its bytes along") {
  OutQueue queue;
  REQUIRE(queue.Append("abc", 3));
  OutQueue other = std::move(queue);
  CHECK(Content(other) == "abc");
  CHECK(queue.empty());
  REQUIRE(queue.Append("d", 1));
  other = std::move(queue);
  CHECK(Content(other) == "d");
}

TEST_CASE("random appends and consumptions agree with a string") {
  std::mt19937 random(11);
  OutQueue queue;
  std::string model;
  for (int step = 0; step < 4'000; ++step) {
    if (random() % 2 == 0 && model.size() < 500'000) {
      std::string bytes((random() % 60'000) >> (random() % 16), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      REQUIRE(queue.Append(bytes.data(), bytes.size()));
      model += bytes;
    } else {
      const size_t length = random() % 3 == 0 ? model.size() : random() % (model.size() + 1);
      queue.Consume(length);
      model.erase(0, length);
    }
    REQUIRE(queue.size() == model.size());
    REQUIRE(Content(queue) == model);
  }
}

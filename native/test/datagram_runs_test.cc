#include "datagram_runs.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "socket_address.h"

using namespace gyre;

namespace {

constexpr size_t kNoLimit = DatagramRuns::kRunBytesMax;

// Datagrams of some sizes, to ports of this machine; port 0: whomever the socket is connected to.
struct Datagrams {
  struct Item {
    size_t bytes;
    uint16_t port;
  };
  std::vector<char> memory = std::vector<char>(70'000);
  std::deque<SocketAddress> names;
  std::vector<iovec> slices;
  std::vector<mmsghdr> headers;

  explicit Datagrams(const std::vector<Item>& items)
      : names(items.size()), slices(items.size()), headers(items.size()) {
    for (size_t i = 0; i < items.size(); ++i) {
      slices[i] = {memory.data(), items[i].bytes};
      msghdr& header = headers[i].msg_hdr;
      header.msg_iov = &slices[i];
      header.msg_iovlen = 1;
      if (items[i].port == 0) continue;
      REQUIRE(names[i].Parse("127.0.0.1", items[i].port) == 0);
      header.msg_name = names[i].get_mutable();
      header.msg_namelen = names[i].length();
    }
  }

  // How many datagrams each message has.
  std::vector<size_t> Lengths(size_t segment_bytes_max = kNoLimit) {
    DatagramRuns runs(headers.data(), headers.size(), segment_bytes_max);
    std::vector<size_t> lengths;
    for (size_t i = 0; i < runs.size(); ++i) {
      lengths.push_back(runs.messages()[i].msg_hdr.msg_iovlen);
      CHECK(runs.Covered(i + 1) - runs.Covered(i) == lengths.back());
    }
    if (!lengths.empty()) CHECK(runs.BeginsWithRun() == (lengths[0] > 1));
    return lengths;
  }
};

using Lengths = std::vector<size_t>;

}  // namespace

TEST_CASE("neighbours of one size and one address are a run") {
  CHECK(Datagrams({}).Lengths().empty());
  CHECK(Datagrams({{5, 1}}).Lengths() == Lengths{1});
  CHECK(Datagrams({{5, 1}, {5, 1}, {5, 1}}).Lengths() == Lengths{3});
  CHECK(Datagrams({{5, 1}, {5, 2}, {5, 1}}).Lengths() == Lengths{1, 1, 1});
  CHECK(Datagrams({{5, 0}, {5, 0}, {5, 1}, {5, 1}}).Lengths() == Lengths{2, 2});
}

TEST_CASE("only the last datagram of a run may be shorter, and none is empty or longer") {
  CHECK(Datagrams({{5, 1}, {5, 1}, {3, 1}, {3, 1}}).Lengths() == Lengths{3, 1});
  CHECK(Datagrams({{5, 1}, {6, 1}, {6, 1}}).Lengths() == Lengths{1, 2});
  CHECK(Datagrams({{0, 1}, {0, 1}}).Lengths() == Lengths{1, 1});
  CHECK(Datagrams({{5, 1}, {5, 1}, {0, 1}, {5, 1}}).Lengths() == Lengths{2, 1, 1});
}

TEST_CASE("a run stays within what IP carries, and within what a device carries at once") {
  CHECK(Datagrams({{30'000, 1}, {30'000, 1}, {30'000, 1}}).Lengths() == Lengths{2, 1});
  CHECK(Datagrams({{40'000, 1}, {25'001, 1}}).Lengths() == Lengths{1, 1});
  CHECK(Datagrams({{1'401, 1}, {1'401, 1}, {7, 1}, {7, 1}}).Lengths(1'400) == Lengths{1, 1, 2});
  CHECK(Datagrams({{1, 1}, {1, 1}}).Lengths(0) == Lengths{1, 1});
}

TEST_CASE("no more datagrams are described than fit a call") {
  const std::vector<Datagrams::Item> many(100, {9, 1});
  CHECK(Datagrams(many).Lengths() == Lengths{DatagramRuns::kMessagesMax});
  CHECK(Datagrams(many).Lengths(0).size() == DatagramRuns::kMessagesMax);
}

TEST_CASE("a run says where to cut, and what stands alone has no control data") {
  Datagrams datagrams({{1'200, 1}, {1'200, 1}, {7, 1}, {8, 1}});
  DatagramRuns runs(datagrams.headers.data(), 4, kNoLimit);
  REQUIRE(runs.size() == 2);
  const msghdr& run = runs.messages()[0].msg_hdr;
  CHECK(run.msg_iov == &datagrams.slices[0]);
  CHECK(run.msg_name == datagrams.names[0].get_mutable());
  const cmsghdr* control = CMSG_FIRSTHDR(&run);
  REQUIRE(control != nullptr);
  CHECK(control->cmsg_level == IPPROTO_UDP);
  CHECK(control->cmsg_type == UDP_SEGMENT);
  CHECK(control->cmsg_len == CMSG_LEN(sizeof(uint16_t)));
  uint16_t segment_bytes;
  std::memcpy(&segment_bytes, CMSG_DATA(control), sizeof segment_bytes);
  CHECK(segment_bytes == 1'200);
  CHECK(CMSG_NXTHDR(const_cast<msghdr*>(&run), const_cast<cmsghdr*>(control)) == nullptr);
  CHECK(runs.messages()[1].msg_hdr.msg_controllen == 0);
}

TEST_CASE("random datagrams are all covered, in order, by runs that can be cut") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<Datagrams::Item> items(1 + random() % 64);
    const size_t sizes[] = {0, 1, 1 + random() % 3'000, random() % 30'000};
    for (auto& item : items) {
      item = {sizes[random() % 4], static_cast<uint16_t>(random() % 3)};
    }
    Datagrams datagrams(items);
    const size_t limit = random() % 4'000;
    size_t next = 0;
    for (const size_t length : datagrams.Lengths(limit)) {
      size_t bytes = 0;
      for (size_t i = 0; i < length && length > 1; ++i) {
        const auto& item = items[next + i];
        bytes += item.bytes;
        CHECK(item.bytes > 0);
        CHECK(item.bytes <= limit);
        CHECK(item.port == items[next].port);
        const bool is_last = i + 1 == length;
        CHECK((is_last ? item.bytes <= items[next].bytes : item.bytes == items[next].bytes));
      }
      CHECK(bytes <= DatagramRuns::kRunBytesMax);
      next += length;
    }
    CHECK(next == items.size());
  }
}

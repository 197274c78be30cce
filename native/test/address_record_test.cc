#include "address_record.h"

#include <doctest/doctest.h>

using namespace gyre;

TEST_CASE("an address comes back from its record as it was") {
  for (const char* ip : {"0.0.0.0", "127.0.0.1", "255.1.2.3", "::", "::1", "ff02::1%1",
                         "2001:db8::ffff:1234", "fe80::1%lo"}) {
    for (const uint16_t port : std::initializer_list<uint16_t>{0, 1, 443, 65535}) {
      SocketAddress address;
      REQUIRE(address.Parse(ip, port) == 0);
      const AddressRecord record = AddressRecord::Of(address);
      SocketAddress again;
      REQUIRE(record.Store(&again));
      CHECK(again.ip() == address.ip());
      CHECK(again.port() == port);
      CHECK(again.family() == address.family());
      CHECK(again.length() == address.length());
      CHECK(record.family == (address.family() == AF_INET ? 4 : 6));
    }
  }
}

TEST_CASE("no address is no record, and the record of none leaves an address alone") {
  SocketAddress nothing;
  CHECK(AddressRecord::Of(nothing).family == 0);
  SocketAddress address;
  REQUIRE(address.Parse("10.0.0.1", 7) == 0);
  CHECK_FALSE(AddressRecord{}.Store(&address));
  AddressRecord odd;
  odd.family = 5;
  CHECK_FALSE(odd.Store(&address));
  CHECK(address.ip() == "10.0.0.1");
  CHECK(address.port() == 7);
}

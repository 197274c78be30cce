#include "socket_address.h"

#include <doctest/doctest.h>

#include <cerrno>

using gyre::SocketAddress;

TEST_CASE("addresses are parsed and printed") {
  SocketAddress address;
  REQUIRE(address.Parse("192.168.0.1", 8'080) == 0);
  CHECK(address.family() == AF_INET);
  CHECK(address.ip() == "192.168.0.1");
  CHECK(address.port() == 8'080);
  REQUIRE(address.Parse("::ffff:10.0.0.1", 65'535) == 0);
  CHECK(address.family() == AF_INET6);
  CHECK(address.ip() == "::ffff:10.0.0.1");
  CHECK(address.port() == 65'535);
}

TEST_CASE("every number of an IPv4 address is printed, and the address of all is known") {
  SocketAddress address;
  for (const char* ip : {"0.0.0.0", "255.255.255.255", "10.1.200.30", "1.0.0.99", "::", "::1"}) {
    REQUIRE(address.Parse(ip, 1) == 0);
    CHECK(address.ip() == ip);
    CHECK(address.IsAny() == (address.ip() == "0.0.0.0" || address.ip() == "::"));
  }
  REQUIRE(address.SetPath("/tmp/x.sock") == 0);
  CHECK_FALSE(address.IsAny());
}

TEST_CASE("a scope is the name or the number of an interface") {
  SocketAddress address;
  REQUIRE(address.Parse("fe80::1%lo", 1) == 0);
  CHECK(address.ip() == "fe80::1%lo");
  REQUIRE(address.Parse("fe80::1%4000000", 1) == 0);
  CHECK(address.ip() == "fe80::1%4000000");
}

TEST_CASE("what is not a numeric address is refused") {
  SocketAddress address;
  for (const char* text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "999.1.1.1", "::g", "fe80::1%",
        "fe80::1%no-such-interface", "fe80::1%0", "fe80::1%99999999999", "%lo"}) {
    CAPTURE(text);
    CHECK(address.Parse(text, 1) == -EINVAL);
  }
}

TEST_CASE("a path is a file's or, behind a NUL, an abstract name") {
  SocketAddress address;
  for (const std::string& path :
       {std::string("/tmp/x.sock"), std::string("\0name", 5), std::string("\0na\0me", 6),
        std::string(107, 'p'), std::string(1, '\0') + std::string(107, 'n')}) {
    REQUIRE(address.SetPath(path) == 0);
    CHECK(address.family() == AF_UNIX);
    CHECK(address.path() == path);
    CHECK(address.compact().empty());
  }
  CHECK(address.SetPath("") == -EINVAL);
  CHECK(address.SetPath(std::string(108, 'p')) == -ENAMETOOLONG);
  CHECK(address.SetPath(std::string(1, '\0') + std::string(108, 'n')) == -ENAMETOOLONG);
}

TEST_CASE("an internet address survives being made compact") {
  for (const char* ip : {"127.0.0.1", "::1", "fe80::1%lo"}) {
    SocketAddress address;
    REQUIRE(address.Parse(ip, 4'242) == 0);
    const SocketAddress copy(address.compact());
    CHECK(copy.ip() == ip);
    CHECK(copy.port() == 4'242);
    CHECK(copy.length() == address.length());
  }
  CHECK(gyre::CompactAddress().empty());
}

#include "freed_memory.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHasOwnAllocator = true;
#else
constexpr bool kHasOwnAllocator = false;
#endif

namespace {

constexpr size_t kSlabBytes = 512 * 1024;
constexpr size_t kSlabs = 64;

long Faults() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Goes through as much memory as V8 lets live, and frees all of it. Returns the page faults.
long GoThrough() {
  const long before = Faults();
  std::vector<void*> slabs;
  for (size_t i = 0; i < kSlabs; ++i) {
    slabs.push_back(std::malloc(kSlabBytes));
    std::memset(slabs.back(), 1, kSlabBytes);
  }
  for (void* slab : slabs) std::free(slab);
  return Faults() - before;
}

}  // namespace

TEST_CASE("memory that readers kept and gave back is not faulted in again") {
#ifndef __GLIBC__
  return;
#endif
  if (kHasOwnAllocator) return;
  const long pages = static_cast<long>(kSlabBytes / 4096 * kSlabs);
  GoThrough();
  // So it is without: all of it went back to the system.
  CHECK(GoThrough() > pages / 2);
  gyre::KeepFreedMemory();
  GoThrough();
  CHECK(GoThrough() < pages / 20);
  gyre::KeepFreedMemory();
  CHECK(GoThrough() < pages / 20);
}

#include "freed_memory.h"

#include <cstddef>
#include <cstdlib>

namespace gyre {

namespace {

// Half of what is kept. The limit of V8 is 32 MiB of buffers, in Node 20 to 24.
constexpr size_t kBlockBytes = 24 * 1024 * 1024;

}  // namespace

void KeepFreedMemory() {
#ifdef __GLIBC__
  // Nobody touches it, so it costs two system calls. Volatile, or the compiler leaves both out.
  void* volatile block = std::malloc(kBlockBytes);
  std::free(block);
#endif
}

}  // namespace gyre

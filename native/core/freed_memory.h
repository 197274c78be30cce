// How much freed memory the process keeps for the next who asks for some.
//
// Readers that keep what they are given go through new memory as fast as data comes in, and V8
// gives it back only when it collects, some 32 MiB at a time. What is free at the end of its heap
// glibc returns to the system, beyond a threshold; then each page is faulted in again, which costs
// more than receiving into it. Whether that happens depends on what else was allocated behind, and
// so differs from one process to the next.
//
// The threshold is twice the largest block that was mapped by itself and freed (mallopt(3),
// M_MMAP_THRESHOLD: the "dynamic" one). So a process that has freed a large block once keeps as
// much from then on, and that is all that is done here; who has set glibc's thresholds by hand has
// them still.
//
// Other C libraries have no such threshold; there it does nothing.

#pragma once

namespace gyre {

// Has the process keep what V8 frees at once. Once for a process is enough; more often is harmless.
void KeepFreedMemory();

}  // namespace gyre

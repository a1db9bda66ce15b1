// How the process keeps its memory.
#pragma once

namespace dfm {

// Call once, before the first large allocation, in programs that allocate the same large buffers again and
// again (every training step does). By default glibc maps each afresh and gives it back when it is freed, and
// the kernel clears every page anew: up to a third of a step. Afterwards freed memory stays with the process.
// Elsewhere than glibc this does nothing.
void keep_freed_memory();

}  // namespace dfm

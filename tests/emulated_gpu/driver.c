// Stands in for libcuda.so.1: shows as many GPUs as DFM_EMULATED_GPUS says (4).
#include <stdlib.h>

int cuInit(unsigned flags) {
  (void)flags;
  return 0;
}

int cuDeviceGetCount(int* count) {
  const char* const given = getenv("DFM_EMULATED_GPUS");
  *count = given == NULL ? 4 : atoi(given);
  return 0;
}

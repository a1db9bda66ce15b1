/* A wall clock that jumps. The steady clock keeps its word. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

static double after, jump;
static struct timespec began;

__attribute__((constructor)) static void read_clock_fault(void) {
  const char* const text = shim_setting(fault_clock);
  if (text == NULL || sscanf(text, "%lf:%lf", &after, &jump) != 2) jump = 0;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &began);
}

static time_t offset_now(void) {
  struct timespec now;
  if (jump == 0) return 0;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  const double elapsed = (double)(now.tv_sec - began.tv_sec) + 1e-9 * (double)(now.tv_nsec - began.tv_nsec);
  return elapsed < after ? 0 : (time_t)jump;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int status = (int)syscall(SYS_clock_gettime, clock, now);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset_now();
  return status;
}

int gettimeofday(struct timeval* now, void* zone) {
  const int status = (int)syscall(SYS_gettimeofday, now, zone);
  if (status == 0) now->tv_sec += offset_now();
  return status;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

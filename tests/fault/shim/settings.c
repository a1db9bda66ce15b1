/* The shim's variables, as they were when the process began. To look them up at every call would be to read
 * freed memory now and then: MPI sets dozens of variables while it starts, and threads read and write files
 * beside it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

#include "shim.h"

static const char* const names[kSettings] = {
    [fault_root] = "DFM_FAULT_ROOT",       [fault_rule] = "DFM_FAULT",
    [fault_log] = "DFM_FAULT_LOG",         [fault_pids] = "DFM_FAULT_PIDS",
    [fault_journal] = "DFM_FAULT_JOURNAL", [fault_keep] = "DFM_FAULT_KEEP",
    [fault_clock] = "DFM_FAULT_CLOCK"};

static const char* values[kSettings];
static int rank;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_all(void) {
  for (int i = 0; i < kSettings; ++i) values[i] = getenv(names[i]);
  const char* const open_mpi = getenv("OMPI_COMM_WORLD_RANK");
  const char* const slurm = getenv("SLURM_PROCID");
  rank = open_mpi != NULL ? atoi(open_mpi) : slurm != NULL ? atoi(slurm) : 0;
}

/* Before there are threads; other libraries' constructors may ask even earlier. */
__attribute__((constructor)) static void read_first(void) { pthread_once(&once, read_all); }

const char* shim_setting(enum setting which) {
  pthread_once(&once, read_all);
  return values[which];
}

int shim_rank(void) {
  pthread_once(&once, read_all);
  return rank;
}

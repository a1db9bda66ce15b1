#include "comm/launcher.h"

#include <cstdlib>

namespace dfm::comm {

// Open MPI's mpirun, PMIx, PMI, Slurm, ALPS, Flux, JSM.
std::optional<std::int64_t> launched_rank() {
  for (const char* const name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID",
                                 "ALPS_APP_PE", "FLUX_TASK_RANK", "JSM_NAMESPACE_RANK"}) {
    const char* const rank = std::getenv(name);
    if (rank != nullptr) return std::strtoll(rank, nullptr, 10);
  }
  return std::nullopt;
}

void prepare_to_be_alone() {
  ::setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  ::setenv("OMPI_MCA_pml", "ob1", 0);
}

}  // namespace dfm::comm

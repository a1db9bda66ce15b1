// [stage]: copies of the training data on the nodes' own disks.
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

// What sites call the folder on a node's own disk.
Key scratch_variables() {
  Key key = texts("stage.scratch_variables",
                  "Environment variables that may name it, asked in this order after DFM_SCRATCH");
  key.default_value = std::vector<std::string>{"SLURM_TMPDIR", "LOCAL_SCRATCH", "SCRATCH_LOCAL",
                                               "LSCRATCH",     "JOBFS",         "TMPDIR"};
  return key;
}

}  // namespace

std::vector<Key> stage_keys() {
  return {
      choice(
          "stage.mode", "none", {"none", "broadcast", "partition"},
          "Copy the shards to the nodes' own disks: broadcast (one node reads, all nodes hold everything "
          "before the first step) or partition (nodes share the reading, each holds what fits, training "
          "starts meanwhile and reads the rest from dataset.path); dfm_sample broadcasts the file of weights "
          "with either"),
      text("stage.scratch", {}, "Folder on the node's own disk; null: DFM_SCRATCH or a site's variable"),
      scratch_variables(),
      real("stage.margin", 0.05, "Share of the scratch file system to leave free").at_least(0).at_most(1),
      integer("stage.readers", 4, "Nodes that read from the shared file system at the same time").at_least(1),
      flag("stage.keep", false, "Leave the copies for the next run, which verifies and uses them"),
  };
}

}  // namespace dfm::keys

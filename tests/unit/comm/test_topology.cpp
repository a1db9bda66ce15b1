#include <cstdlib>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/topology.h"
#include "support/errors.h"

namespace dfm::comm {
namespace {

using ::testing::HasSubstr;

TEST(Topology, MapsRanksToNodesALineANode) {
  Topology topology;
  topology.host_of_rank = {"a01", "a01", "b02", "a01", "b02"};
  topology.node_of_rank = {0, 0, 1, 0, 1};
  topology.node_count = 2;
  EXPECT_EQ(topology.map(), "node 0 (a01): ranks 0 1 3\nnode 1 (b02): ranks 2 4\n");
}

TEST(Topology, NodesWithTheSameHostNameStayApart) {
  Topology topology;
  topology.host_of_rank = {"localhost", "localhost"};
  topology.node_of_rank = {0, 1};
  topology.node_count = 2;
  EXPECT_EQ(topology.map(), "node 0 (localhost): ranks 0\nnode 1 (localhost): ranks 1\n");
}

// The three variables of Slurm, as a test sets them.
class SlurmVariables : public ::testing::Test {
 protected:
  SlurmVariables() { set({}); }
  ~SlurmVariables() override { set({}); }

  static void set(const std::map<std::string, std::string>& values) {
    for (const char* const name : {"SLURM_NTASKS", "SLURM_JOB_ID", "SLURM_STEP_ID"}) {
      const auto value = values.find(name);
      value == values.end() ? ::unsetenv(name) : ::setenv(name, value->second.c_str(), 1);
    }
  }
};

TEST_F(SlurmVariables, OutsideSlurmAnyWorldIsFine) {
  EXPECT_NO_THROW(refuse_lonely_slurm_task(1));
  EXPECT_NO_THROW(refuse_lonely_slurm_task(8));
}

TEST_F(SlurmVariables, AWorldOfOneInAStepOfSeveralTasksIsRefusedWithTheSetting) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "17"}, {"SLURM_STEP_ID", "0"}});
  const Error error = testing::error_of([] { refuse_lonely_slurm_task(1); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("SLURM_NTASKS is 8"));
  EXPECT_THAT(error.hint(), HasSubstr("srun --mpi=pmix"));
}

TEST_F(SlurmVariables, SeveralRanksFoundEachOther) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "17"}, {"SLURM_STEP_ID", "0"}});
  EXPECT_NO_THROW(refuse_lonely_slurm_task(8));
}

TEST_F(SlurmVariables, AStepOfOneTaskIsFine) {
  set({{"SLURM_NTASKS", "1"}, {"SLURM_JOB_ID", "17"}, {"SLURM_STEP_ID", "0"}});
  EXPECT_NO_THROW(refuse_lonely_slurm_task(1));
}

TEST_F(SlurmVariables, TheBatchScriptItselfMayRunAProgramAlone) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "17"}});
  EXPECT_NO_THROW(refuse_lonely_slurm_task(1));
}

TEST_F(SlurmVariables, WhatIsNoNumberIsNoNumberOfTasks) {
  set({{"SLURM_NTASKS", "many"}, {"SLURM_JOB_ID", "17"}, {"SLURM_STEP_ID", "0"}});
  EXPECT_NO_THROW(refuse_lonely_slurm_task(1));
}

}  // namespace
}  // namespace dfm::comm

// Plans of attention graphs, made once for a geometry. Of the calling thread, since cuDNN's handles are.
#pragma once

#include <unordered_map>

#include "cuda/cudnn_graph.h"

namespace dfm::cuda {

struct AttentionPlan {
  std::shared_ptr<cudnn_frontend::graph::Graph> graph;
  std::int64_t workspace_bytes = 0;
  std::string problem;  // why there is none
};

// For use at once: the next call may forget old plans.
const AttentionPlan& attention_plan(const AttentionGeometry& geometry, AttentionDirection direction);

using AttentionPointers = std::unordered_map<std::int64_t, void*>;

// On the current stream. Throws where the plan has a problem.
void execute(const AttentionPlan& plan, AttentionPointers& pointers);

}  // namespace dfm::cuda

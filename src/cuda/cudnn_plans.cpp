#include "cuda/cudnn_plans.h"

#include <map>
#include <stdexcept>

#include <ATen/cudnn/Handle.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include "core/error.h"

namespace dfm::cuda {
namespace {

// Samples alike have a plan for each length that they come in, and a data set may have any number of these.
constexpr std::size_t kMostPlans = 512;

AttentionPlan planned(const AttentionGeometry& geometry, AttentionDirection direction) {
  AttentionPlan plan;
  try {
    plan.graph = attention_graph(geometry, direction, at::native::getCudnnHandle());
    const auto status = plan.graph->get_workspace_size(plan.workspace_bytes);
    if (status.is_bad()) plan.problem = status.err_msg;
  } catch (const std::exception& failure) {
    plan.problem = failure.what();
  }
  return plan;
}

}  // namespace

const AttentionPlan& attention_plan(const AttentionGeometry& geometry, AttentionDirection direction) {
  thread_local std::map<std::pair<AttentionGeometry, AttentionDirection>, AttentionPlan> plans;
  const std::pair key(geometry, direction);
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  if (plans.size() >= kMostPlans) {
    c10::cuda::device_synchronize();  // what runs by one of them ends first
    plans.clear();
  }
  return plans.emplace(key, planned(geometry, direction)).first->second;
}

void execute(const AttentionPlan& plan, AttentionPointers& pointers) {
  if (!plan.problem.empty()) throw internal_error("cuDNN's attention: " + plan.problem);
  const auto workspace =
      c10::cuda::CUDACachingAllocator::get()->allocate(static_cast<std::size_t>(plan.workspace_bytes));
  const auto status = plan.graph->execute(at::native::getCudnnHandle(), pointers, workspace.get());
  if (status.is_bad()) throw internal_error("cuDNN's attention: " + status.err_msg);
}

}  // namespace dfm::cuda

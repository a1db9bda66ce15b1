#include "comm/agree.h"

#include <algorithm>

#include <fmt/core.h>

#include "comm/mpi.h"
#include "core/stop_token.h"

namespace dfm::comm {
namespace {

struct Outcome {
  ExitCode code = ExitCode::done;
  std::string message, hint;
};

// Which rank speaks, unless an inner phase has already said it.
std::string with_speaker(const std::string& message, const Group& group) {
  if (group.size() == 1) return message;
  return fmt::format("{} (rank {} on {})", message, group.rank(), host_name());
}

Outcome outcome_of(const std::exception_ptr& failure, const Group& group) {
  if (failure == nullptr) return {};
  try {
    std::rethrow_exception(failure);
  } catch (const AgreedError& error) {
    return {error.kind(), error.what(), error.hint()};
  } catch (...) {
    const Error error = to_error(failure);
    return {error.kind(), with_speaker(error.what(), group), error.hint()};
  }
}

}  // namespace

void agree_on(const Group& group, const std::exception_ptr& mine) {
  const Outcome outcome = outcome_of(mine, group);
  std::int64_t first_failing = outcome.code == ExitCode::done ? group.size() : group.rank();
  group.all_reduce_min(std::span(&first_failing, 1));
  if (first_failing == group.size()) return;
  const auto root = static_cast<int>(first_failing);
  auto code = static_cast<std::int64_t>(outcome.code);
  group.broadcast(std::as_writable_bytes(std::span(&code, 1)), root);
  const std::string message = group.broadcast_text(outcome.message, root);
  const std::string hint = group.broadcast_text(outcome.hint, root);
  throw AgreedError(static_cast<ExitCode>(code), message, hint);
}

bool stop_requested_anywhere(const Group& group) {
  std::int32_t requested = StopToken::requested() ? 1 : 0;
  group.all_reduce_max(std::span(&requested, 1));
  return requested != 0;
}

std::string stop_reason_anywhere(const Group& group) {
  const std::vector<std::string> reasons = group.all_gather_text(StopToken::reason());
  const auto first = std::ranges::find_if(reasons, [](const std::string& each) { return !each.empty(); });
  if (first == reasons.end()) return "";
  const auto rank = first - reasons.begin();
  return rank == 0 ? *first : fmt::format("{} to rank {}", *first, rank);
}

}  // namespace dfm::comm

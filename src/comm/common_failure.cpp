#include "comm/common_failure.h"

#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace dfm::comm {
namespace {

using Clock = std::chrono::steady_clock;

// Word from each rank to the first, and its answer.
struct Messages {
  std::array<std::byte, 1> word{}, answer{};
  std::vector<std::array<std::byte, 1>> words;
  std::vector<Transfer> transfers;
};

bool are_over_by(Clock::time_point end, std::vector<Transfer>& transfers) {
  constexpr std::chrono::milliseconds kPause{1};
  const auto is_finished = [](Transfer& transfer) { return transfer.is_finished(); };
  while (!std::ranges::all_of(transfers, is_finished)) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

bool hears_all(const Group& failures, Clock::time_point end, Messages& messages) {
  messages.words.resize(static_cast<std::size_t>(failures.size()));
  for (int rank = 1; rank < failures.size(); ++rank)
    messages.transfers.push_back(
        failures.start_receive(messages.words[static_cast<std::size_t>(rank)], rank));
  if (!are_over_by(end, messages.transfers)) return false;
  for (int rank = 1; rank < failures.size(); ++rank)
    messages.transfers.push_back(failures.start_send(messages.answer, rank));
  return are_over_by(end, messages.transfers);
}

bool is_answered(const Group& failures, Clock::time_point end, Messages& messages) {
  messages.transfers.push_back(failures.start_send(messages.word, 0));
  messages.transfers.push_back(failures.start_receive(messages.answer, 0));
  return are_over_by(end, messages.transfers);
}

}  // namespace

void agree_if_all_fail(const Group& failures, const std::exception_ptr& mine,
                       std::chrono::milliseconds patience) {
  if (failures.size() == 1) return;
  auto messages = std::make_unique<Messages>();
  const auto end = Clock::now() + patience;
  const bool all_fail =
      failures.rank() == 0 ? hears_all(failures, end, *messages) : is_answered(failures, end, *messages);
  if (all_fail) agree_on(failures, mine);
  // They would wait for ranks that do not come.
  [[maybe_unused]] const Messages* const left_behind = messages.release();
}

}  // namespace dfm::comm

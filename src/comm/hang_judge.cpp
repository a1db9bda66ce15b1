#include "comm/hang_judge.h"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/core.h>

namespace dfm::comm {
namespace {

constexpr double kSilentSeconds = 5;  // ten heartbeats
constexpr double kStepsOfPatience = 10;
constexpr std::size_t kMostNamed = 8;

}  // namespace

HangJudge::HangJudge(std::vector<std::string> host_of_rank, HangLimits limits)
    : hosts_(std::move(host_of_rank)), limits_(limits), ranks_(hosts_.size()) {}

void HangJudge::note(const Beat& beat, double now) {
  if (beat.rank < 0 || static_cast<std::size_t>(beat.rank) >= ranks_.size()) return;
  Rank& rank = ranks_[static_cast<std::size_t>(beat.rank)];
  if (!rank.known || beat.progress != rank.last.progress) rank.moved = now;
  const bool has_stepped = rank.known && beat.step == rank.last.step + 1;
  if (has_stepped && beat.step > 1) longest_step_ = std::max(longest_step_, now - rank.step_began);
  if (!rank.known || beat.step != rank.last.step) rank.step_began = now;
  rank.heard = now;
  rank.known = true;
  rank.last = beat;
}

void HangJudge::forgive(double now) {
  for (Rank& rank : ranks_) rank.heard = rank.moved = rank.step_began = now;
}

double HangJudge::limit_of(const Rank& rank) const {
  switch (rank.last.phase) {
    case activity::Phase::training:
      return limits_.step > 0 ? std::max(limits_.step, kStepsOfPatience * longest_step_) : 0;
    case activity::Phase::saving:
      return limits_.save;
    case activity::Phase::staging:
      return limits_.staging;
    default:
      return limits_.startup;
  }
}

Verdict HangJudge::verdict(double now) const {
  double used = 0;  // the greatest share of a limit
  for (const Rank& rank : ranks_) {
    if (!rank.known) continue;
    const double limit = limit_of(rank);
    if (limit > 0) used = std::max(used, (now - rank.moved) / limit);
    if (limits_.silence > 0) used = std::max(used, (now - rank.heard) / limits_.silence);
  }
  return used >= 1 ? Verdict::hanging : used >= 0.5 ? Verdict::slow : Verdict::moving;
}

// The silent ranks; else those that have not moved and wait for nobody; else all that have not moved.
std::vector<std::size_t> HangJudge::culprits(double now) const {
  std::vector<std::size_t> silent, stuck, waiting;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const Rank& rank = ranks_[i];
    if (!rank.known) continue;
    if (now - rank.heard > kSilentSeconds) {
      silent.push_back(i);
    } else if (now - rank.moved > kSilentSeconds / 2) {
      (rank.last.waits.empty() ? stuck : waiting).push_back(i);
    }
  }
  return !silent.empty() ? silent : !stuck.empty() ? stuck : waiting;
}

std::string HangJudge::describe(double now) const {
  const std::vector<std::size_t> named = culprits(now);
  std::string text;
  for (std::size_t i = 0; i < std::min(named.size(), kMostNamed); ++i) {
    const Rank& rank = ranks_[named[i]];
    const bool is_silent = now - rank.heard > kSilentSeconds;
    text += fmt::format("{}rank {} on {} {} for {:.0f} s ({}, after step {}{})", i == 0 ? "" : "; ", named[i],
                        hosts_[named[i]], is_silent ? "has been silent" : "has not moved",
                        now - (is_silent ? rank.heard : rank.moved), activity::describe(rank.last.phase),
                        rank.last.step, rank.last.waits.empty() ? "" : ", in " + rank.last.waits);
  }
  if (named.size() > kMostNamed) text += fmt::format("; and {} more", named.size() - kMostNamed);
  std::map<std::string, int> waiting;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const bool is_named = std::ranges::find(named, i) != named.end();
    if (!is_named && ranks_[i].known && !ranks_[i].last.waits.empty()) ++waiting[ranks_[i].last.waits];
  }
  for (const auto& [collective, count] : waiting) {
    text += fmt::format("; {} {} in {}", count, count == 1 ? "rank waits" : "ranks wait", collective);
  }
  return text;
}

}  // namespace dfm::comm

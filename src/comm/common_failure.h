// A mistake that all ranks meet in the midst of their work, where no phase ends by agreeing: it is told once.
// Work that goes well pays nothing for it.
//
//   const auto code = comm::told_once(failures, [&] { return take_steps(...); });
#pragma once

#include <chrono>
#include <exception>

#include "comm/agree.h"

namespace dfm::comm {

// Ranks that meet the same mistake meet it at about the same time.
inline constexpr std::chrono::milliseconds kFailTogether{3000};

// For a rank that has failed. Throws AgreedError on every rank where all of them come here within the
// patience; returns where others do not. failures: a group that is used for nothing else, since the others
// may be amid a collective. What was begun in it is left behind then, so that the job must end.
void agree_if_all_fail(const Group& failures, const std::exception_ptr& mine,
                       std::chrono::milliseconds patience = kFailTogether);

// Runs body. An error of this rank alone comes through as it is, after that time.
template <class Body>
auto told_once(const Group& failures, Body&& body) {
  try {
    return body();
  } catch (const AgreedError&) {
    throw;
  } catch (...) {
    agree_if_all_fail(failures, std::current_exception());
    throw;
  }
}

}  // namespace dfm::comm

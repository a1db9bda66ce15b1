// A phase that may fail on some ranks and not on others ends by agreeing on its outcome: the lowest failing
// rank's error is thrown on every rank, so that all leave with one code and the text is printed once.
//
//   const auto shards = comm::agreed(world, [&] { return find_shards(root); });
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>

#include "comm/group.h"
#include "core/error.h"

namespace dfm::comm {

// An error that every rank of the world throws at the same place.
class AgreedError : public Error {
 public:
  using Error::Error;
};

// Collective. Throws AgreedError on every rank when any rank brings an error.
void agree_on(const Group& group, const std::exception_ptr& mine);

// Collective. Runs body on every rank, then agrees. body must not use collectives of this group in a way that
// a failing rank would miss.
template <class Body>
auto agreed(const Group& group, Body&& body) {
  using Result = std::invoke_result_t<Body>;
  std::exception_ptr failure;
  if constexpr (std::is_void_v<Result>) {
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
    agree_on(group, failure);
  } else {
    std::optional<Result> result;
    try {
      result.emplace(body());
    } catch (...) {
      failure = std::current_exception();
    }
    agree_on(group, failure);
    return std::move(*result);
  }
}

// Collective. True on every rank when any rank was asked to stop.
bool stop_requested_anywhere(const Group& group);

// Collective. Why the ranks stop: the reason of the lowest rank that was asked, and which it is where it is
// not rank 0. Empty when none was.
std::string stop_reason_anywhere(const Group& group);

}  // namespace dfm::comm

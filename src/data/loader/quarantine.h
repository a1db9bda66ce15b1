// The samples that could not be read: they are not tried again. Part of the state of a run (a number each),
// the same on all ranks.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <vector>

namespace dfm::data {

// All functions may be called from several threads.
class Quarantine {
 public:
  void add(std::int64_t sample) {
    const std::scoped_lock lock(mutex_);
    samples_.insert(sample);
  }
  bool holds(std::int64_t sample) const {
    const std::scoped_lock lock(mutex_);
    return samples_.contains(sample);
  }
  // Ascending.
  std::vector<std::int64_t> samples() const {
    const std::scoped_lock lock(mutex_);
    return {samples_.begin(), samples_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::int64_t> samples_;
};

}  // namespace dfm::data

// A range of the samples of a data set, as a metadataset writes it: in samples ([100, 200], [100, end]) or in
// percent ([25%, 75%]).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace dfm::data {

struct Subset {
  // Applied first; without a last sample, all that follow.
  std::optional<std::int64_t> first, last;
  // Then the part [from, to) of what is left.
  double from = 0, to = 1;

  bool is_in_samples() const { return first.has_value(); }
};

// From the two words of the range. Throws a data error.
Subset parse_subset(std::string_view begin, std::string_view end);

// `inner` of the data set, and of what it leaves `outer`, which must be in percent.
Subset within(const Subset& inner, const Subset& outer);

// The range of samples it means where there are `count`, rounded down as the reference does. Throws a data
// error for a range that does not lie inside.
std::pair<std::int64_t, std::int64_t> range_of(const Subset& subset, std::int64_t count);

}  // namespace dfm::data

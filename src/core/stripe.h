// The elements of a tensor that a rank holds when the tensor is cut along one dimension: of every `row`
// consecutive elements of the flattened (row-major) tensor those in [first, first + width). Local elements
// are numbered in the order of the global ones.
//
//   Stripe{96, 24, 12}: columns 24 to 35 of a matrix with 96 columns
//   whole(n):           everything of n elements
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

namespace dfm {

struct Stripe {
  std::int64_t row = 1;
  std::int64_t first = 0;
  std::int64_t width = 1;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy takes the result for a number.
  auto operator<=>(const Stripe&) const = default;

  // Of a tensor of `total` elements.
  std::int64_t count(std::int64_t total) const { return total / row * width; }
  std::int64_t global(std::int64_t local) const { return local / width * row + first + local % width; }
  // Negative for an element that is not among them.
  std::int64_t local(std::int64_t global) const {
    const std::int64_t column = global % row - first;
    return column < 0 || column >= width ? -1 : global / row * width + column;
  }
  // How many local elements from this one on are neighbours in the global tensor, too.
  std::int64_t run_from(std::int64_t local) const { return width - local % width; }
};

inline Stripe whole(std::int64_t count) {
  const std::int64_t row = std::max<std::int64_t>(count, 1);
  return {row, 0, row};
}

// Calls run(global, done, length) for the neighbours among the local elements [begin, begin + count); done of
// them came before.
template <class Run>
void for_each_run(const Stripe& stripe, std::int64_t begin, std::int64_t count, const Run& run) {
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t length = std::min(count - done, stripe.run_from(begin + done));
    run(stripe.global(begin + done), done, length);
    done += length;
  }
}

}  // namespace dfm

#include "media/warnings.h"

#include <utility>

#include <fmt/core.h>

namespace dfm::media {

void Warnings::add(std::string text) {
  static constexpr std::size_t kMost = 100;
  if (texts_.size() < kMost) {
    texts_.push_back(std::move(text));
  } else {
    ++left_out_;
  }
}

std::vector<std::string> Warnings::take() && {
  if (left_out_ > 0) texts_.push_back(fmt::format("and {} more", left_out_));
  return std::move(texts_);
}

}  // namespace dfm::media

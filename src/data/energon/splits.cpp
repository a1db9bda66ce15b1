#include "data/energon/splits.h"

#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

Error refusal(std::string_view text) {
  return usage_error(fmt::format("index.split_ratio = '{}' is not accepted", text),
                     "give the shares of train, val and test as three numbers, for example 8,1,1");
}

double parse_share(std::string_view share, std::string_view text) {
  while (share.starts_with(' ')) share.remove_prefix(1);
  while (share.ends_with(' ')) share.remove_suffix(1);
  double value = 0;
  const auto [rest, error] = std::from_chars(share.data(), share.data() + share.size(), value);
  const bool is_number = error == std::errc{} && rest == share.data() + share.size();
  if (!is_number || !std::isfinite(value) || value < 0) throw refusal(text);
  return value;
}

}  // namespace

SplitRatio parse_split_ratio(std::string_view text) {
  SplitRatio ratio{};
  std::string_view rest = text;
  for (std::size_t i = 0; i < ratio.size(); ++i) {
    const auto comma = rest.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == ratio.size())) throw refusal(text);
    ratio[i] = parse_share(rest.substr(0, comma), text);
    if (comma != std::string_view::npos) rest.remove_prefix(comma + 1);
  }
  const double sum = ratio[0] + ratio[1] + ratio[2];
  if (!(sum > 0) || !std::isfinite(sum)) throw refusal(text);
  return ratio;
}

std::vector<SplitPart> split_by_ratio(const std::vector<std::string>& shards, const SplitRatio& ratio) {
  const double sum = ratio[0] + ratio[1] + ratio[2];
  std::vector<SplitPart> parts;
  double total = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ratio.size(); ++i) {
    total += ratio[i] / sum;
    const auto end =
        std::min(shards.size(), static_cast<std::size_t>(static_cast<double>(shards.size()) * total));
    parts.push_back({kSplitNames[i],
                     {shards.begin() + static_cast<std::ptrdiff_t>(begin),
                      shards.begin() + static_cast<std::ptrdiff_t>(end)}});
    begin = end;
  }
  return parts;
}

}  // namespace dfm::data

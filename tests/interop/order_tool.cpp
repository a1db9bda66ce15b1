// order_tool SEED SLICE_LENGTH SLICES_IN_BLOCK FIRST COUNT SAMPLES...: the samples at COUNT positions from
// FIRST on, for shards of that many samples. SAMPLES as DRAWS:COUNT,COUNT,... are the parts of a blend.
//
// order_tool --round=LENGTH ...: the same with another length of the rounds of a blend.
// order_tool --weights WEIGHT...: the draws of the parts of a blend by weights.
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "data/loader/sample_order.h"

namespace {

using namespace dfm::data;

std::int64_t number(const std::string& word) { return std::strtoll(word.c_str(), nullptr, 10); }

void print_draws(const std::vector<std::string>& words) {
  std::vector<double> weights;
  for (const std::string& word : words) weights.push_back(std::strtod(word.c_str(), nullptr));
  for (const std::int64_t draws : draws_of_weights(weights)) fmt::print("{}\n", draws);
}

void add_part(const std::string& word, std::vector<std::int64_t>& shards, std::vector<BlendPart>& blend) {
  const auto colon = word.find(':');
  if (colon == std::string::npos) return shards.push_back(number(word));
  blend.push_back({0, number(word)});
  std::istringstream counts(word.substr(colon + 1));
  for (std::string count; std::getline(counts, count, ','); ++blend.back().shards)
    shards.push_back(number(count));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "--weights") {
    print_draws({words.begin() + 1, words.end()});
    return 0;
  }
  OrderSettings settings;
  const std::string round = "--round=";
  if (!words.empty() && words[0].starts_with(round)) {
    settings.round_length = number(words[0].substr(round.size()));
    words.erase(words.begin());
  }
  if (words.size() < 6) return 2;
  settings.seed = static_cast<std::uint64_t>(number(words[0]));
  settings.slice_length = number(words[1]);
  settings.slices_in_block = number(words[2]);
  std::vector<std::int64_t> shards;
  std::vector<BlendPart> blend;
  for (std::size_t i = 5; i < words.size(); ++i) add_part(words[i], shards, blend);
  SampleOrder order(shards, blend, settings);
  for (std::int64_t i = 0; i < number(words[4]); ++i)
    fmt::print("{}\n", order.sample_at(number(words[3]) + i));
  return 0;
}

#include "encoders/text_encoder.h"

#include <cctype>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "core/philox.h"

namespace dfm::encoders {
namespace {

constexpr std::int64_t kWidth = 1024;
constexpr std::uint64_t kSeed = 0;       // part of the encoder's definition
constexpr std::size_t kMostWords = 512;  // the text length of the reference (spec/dfm.md section 4.4)

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80) {
      word += static_cast<char>(std::tolower(byte));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (words.size() > kMostWords) words.resize(kMostWords);
  return words;
}

// An empty caption becomes one row of zeros, which is what text dropout shows the network.
Array encode_hash(const std::string& text) {
  const auto words = words_of(text);
  std::vector<float> rows(std::max<std::size_t>(words.size(), 1) * kWidth, 0.0F);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Philox random(kSeed, Stream::text_embedding, name_key(words[i]));
    random.normals(0, std::span(rows).subspan(i * kWidth, kWidth));
  }
  const auto count = static_cast<std::int64_t>(rows.size()) / kWidth;
  return from_floats(rows, {count, kWidth}, DType::float16);
}

}  // namespace

TextEncoder make_text_encoder(const std::string& name) {
  if (name == "hash") return {kWidth, encode_hash};
  throw usage_error(fmt::format("text encoder '{}' is not known", name), "use hash");
}

}  // namespace dfm::encoders

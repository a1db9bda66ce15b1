#include "encoders/hash_encoder.h"

#include <cctype>
#include <vector>

#include "core/philox.h"

namespace dfm::encoders {
namespace {

constexpr std::int64_t kWidth = kHashWidth;
constexpr std::uint64_t kSeed = 0;  // part of the encoder's definition

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
  return words;
}

// An empty caption becomes one row of zeros, which is what text dropout shows the network.
Array encode_hash(const std::string& text, std::size_t most_words) {
  auto words = words_of(text);
  if (words.size() > most_words) words.resize(most_words);
  std::vector<float> rows(std::max<std::size_t>(words.size(), 1) * kWidth, 0.0F);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Philox random(kSeed, Stream::text_embedding, name_key(words[i]));
    random.normals(0, std::span(rows).subspan(i * kWidth, kWidth));
  }
  const auto count = static_cast<std::int64_t>(rows.size()) / kWidth;
  return from_floats(rows, {count, kWidth}, DType::float16);
}

}  // namespace

TextEncoder hash_encoder(std::int64_t most_rows) {
  const auto most_words = static_cast<std::size_t>(most_rows);
  return {kHashWidth, [most_words](const std::string& text) { return encode_hash(text, most_words); },
          "hash"};
}

}  // namespace dfm::encoders

// Captions to token ids, by a SentencePiece model as T5 and UMT5 have it (spiece.model).
//
//   const Tokenizer tokenizer(folder_of_part(dir, "tokenizer"));
//   const std::vector<std::int64_t> ids = tokenizer.encode("a red cube", 512);  // the last is the end token
//
// The model's own rules normalise a caption (for T5: NFKC, runs of white space as one blank). What pipelines
// do before, such as ftfy and html.unescape in that of WAN, is not done here. Every byte that is not UTF-8
// counts as U+FFFD; names of special tokens ("</s>", "<extra_id_0>") in a caption are text like any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace dfm::encoders {

class Tokenizer {
 public:
  // Throws a usage error for a folder without spiece.model, a data error for one that is damaged.
  explicit Tokenizer(const std::filesystem::path& folder);

  // Ids are less.
  std::int64_t size() const;
  // At most `most` of them, the end token included, as Hugging Face truncates. Throws a data error for a
  // caption of more than 16 MiB.
  std::vector<std::int64_t> encode(std::string_view caption, std::int64_t most) const;
  // Of the model.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  std::string fingerprint_;
  std::shared_ptr<const sentencepiece::SentencePieceProcessor> processor_;
};

}  // namespace dfm::encoders

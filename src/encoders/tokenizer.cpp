#include "encoders/tokenizer.h"

#include <algorithm>

#include <fmt/core.h>
#include <sentencepiece_processor.h>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "encoders/piece_model.h"

namespace dfm::encoders {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModelName = "spiece.model";
constexpr std::uint64_t kLargestModelBytes = 16U << 20U;
constexpr std::size_t kLongestCaptionBytes = 16U << 20U;

using Processor = sentencepiece::SentencePieceProcessor;

std::string read_model(const fs::path& path) {
  if (fs::exists(path)) return read_text(path, kLargestModelBytes);
  throw usage_error(fmt::format("{} is not there", path.native()),
                    "name a folder with the SentencePiece model of the encoder in it, or in its tokenizer/");
}

void require(const sentencepiece::util::Status& status) {
  if (!status.ok()) throw data_error(status.error_message());
}

std::shared_ptr<const Processor> load(const std::string& model) {
  const auto processor = std::make_shared<Processor>();
  require(processor->LoadFromSerializedProto(checked_piece_model(model)));
  if (processor->eos_id() < 0) throw data_error("it has no end token");
  return processor;
}

std::shared_ptr<const Processor> load(const std::string& model, const fs::path& path) {
  try {
    return load(model);
  } catch (const Error& error) {
    throw data_error(fmt::format("{} is damaged, or no model of T5: {}", path.native(), error.what()));
  }
}

}  // namespace

Tokenizer::Tokenizer(const fs::path& folder) {
  const std::string model = read_model(folder / kModelName);
  fingerprint_ = hex(hash64(model));
  processor_ = load(model, folder / kModelName);
}

std::int64_t Tokenizer::size() const { return processor_->GetPieceSize(); }

std::vector<std::int64_t> Tokenizer::encode(std::string_view caption, std::int64_t most) const {
  ensure(most >= 1, "a caption has at least its end token");
  if (caption.size() > kLongestCaptionBytes) {
    throw data_error(
        fmt::format("a caption has {} bytes, more than {}", caption.size(), kLongestCaptionBytes));
  }
  std::vector<int> pieces;
  require(processor_->Encode(caption, &pieces));
  const auto count = std::min(static_cast<std::int64_t>(pieces.size()), most - 1);
  std::vector<std::int64_t> ids(pieces.begin(), pieces.begin() + count);
  ids.push_back(processor_->eos_id());
  return ids;
}

}  // namespace dfm::encoders

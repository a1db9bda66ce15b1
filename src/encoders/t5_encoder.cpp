#include "encoders/t5_encoder.h"

#include <memory>

#include <fmt/core.h>

#include "core/error.h"
#include "core/text.h"
#include "encoders/t5_layers.h"
#include "encoders/tokenizer.h"
#include "nn/array_bridge.h"

namespace dfm::encoders {
namespace fs = std::filesystem;
namespace {

struct T5 {
  Tokenizer tokenizer;
  T5Shape shape;
  T5Weights weights;
  std::int64_t most_rows;
};

// Small things first: a wrong folder is told before gigabytes are read.
Tokenizer fitting_tokenizer(const fs::path& dir, const T5Shape& shape) {
  const fs::path folder = folder_of_part(dir, "tokenizer");
  Tokenizer tokenizer(folder);
  if (tokenizer.size() <= shape.vocabulary) return tokenizer;
  throw data_error(fmt::format("the tokenizer in {} has {} pieces, but vocab_size is {}", folder.native(),
                               tokenizer.size(), shape.vocabulary),
                   "the tokenizer does not belong to the text encoder");
}

Array encode(const T5& t5, const std::string& caption) {
  const at::NoGradGuard no_gradients;
  const at::Tensor ids = at::tensor(t5.tokenizer.encode(caption, t5.most_rows), at::kLong);
  const at::Tensor rows = t5_rows(t5.weights, t5.shape, ids).to(at::kCPU, at::kHalf);
  if (!at::isfinite(rows).all().item<bool>()) {
    throw data_error(
        fmt::format("the text encoder's rows for '{}' are not finite in float16", printable(caption)),
        "its weights are damaged");
  }
  return nn::to_array(rows);
}

}  // namespace

TextEncoder t5_encoder(const fs::path& dir, const Placed& placed, std::int64_t most_rows) {
  ensure(placed.dtype == at::kFloat || placed.dtype == at::kBFloat16, "T5 needs the range of float32");
  const PretrainedConfig config(folder_of_part(dir, "text_encoder"));
  const T5Shape shape = t5_shape(config);
  Tokenizer tokenizer = fitting_tokenizer(dir, shape);
  WeightReader weights(config.folder(), placed);
  const T5Weights network = read_t5(weights, shape);
  const std::string fingerprint =
      fmt::format("{} {} {}", shape.kind, weights.fingerprint(), tokenizer.fingerprint());
  const auto t5 = std::make_shared<const T5>(T5{std::move(tokenizer), shape, network, most_rows});
  return {shape.width, [t5](const std::string& caption) { return encode(*t5, caption); }, fingerprint};
}

}  // namespace dfm::encoders

// t5_probe DIR CAPTIONS OUT MOST_ROWS DTYPE: encodes the captions in the files CAPTIONS/0, CAPTIONS/1 and so
// on for comparison with the same in Python.
//
// OUT: of caption N ids.N, rows.N (before they are rounded to float16) and encoded.N (what the encoder
// gives).
#include <filesystem>
#include <iostream>

#include "ckpt/safetensors.h"
#include "core/error.h"
#include "core/file.h"
#include "encoders/t5_encoder.h"
#include "encoders/t5_layers.h"
#include "encoders/tokenizer.h"
#include "interop/probe.h"

namespace {

using namespace dfm;

void run(const std::filesystem::path& dir, const std::filesystem::path& captions, char** argv) {
  const encoders::Placed placed{std::string(argv[5]) == "float32" ? at::kFloat : at::kBFloat16, at::kCPU};
  const std::int64_t most_rows = std::stoll(argv[4]);
  const auto encoder = encoders::t5_encoder(dir, placed, most_rows);
  const encoders::Tokenizer tokenizer(encoders::folder_of_part(dir, "tokenizer"));
  const encoders::PretrainedConfig config(encoders::folder_of_part(dir, "text_encoder"));
  const auto shape = encoders::t5_shape(config);
  encoders::WeightReader reader(config.folder(), placed);
  const auto weights = encoders::read_t5(reader, shape);
  probe::Results results;
  for (int i = 0; std::filesystem::exists(captions / std::to_string(i)); ++i) {
    const std::string name = std::to_string(i), caption = read_text(captions / name);
    const at::Tensor ids = at::tensor(tokenizer.encode(caption, most_rows), at::kLong);
    results.emplace_back("ids." + name, ids);
    results.emplace_back("rows." + name, encoders::t5_rows(weights, shape, ids).to(at::kFloat));
    results.emplace_back("encoded." + name, nn::to_tensor(encoder.encode(caption)));
  }
  probe::write(argv[3], results);
}

}  // namespace

int main(int, char** argv) {
  try {
    run(argv[1], argv[2], argv);
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.kind());
  }
  return 0;
}

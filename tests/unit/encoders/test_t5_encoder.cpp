// What holds of T5 without a peer. Rows against Hugging Face's are in tests/interop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/safetensors.h"
#include "core/error.h"
#include "encoders/t5_encoder.h"
#include "nn/array_bridge.h"
#include "support/errors.h"
#include "support/tensors.h"
#include "unit/encoders/piece_model_bytes.h"
#include "unit/encoders/t5_config.h"

namespace dfm::encoders {
namespace {

using dfm::testing::error_of;
using dfm::testing::Normals;
using dfm::testing::relative_error;
using dfm::testing::small_model;
using dfm::testing::small_t5_config;
using dfm::testing::TemporaryFolder;
using ::testing::HasSubstr;

using Tensors = std::map<std::string, at::Tensor>;

// The blocks add nothing: what they give is multiplied by zero.
Tensors idle_weights() {
  Normals normals;
  Tensors tensors{{"shared.weight", normals({12, 8})}, {"encoder.final_layer_norm.weight", normals({8})}};
  for (const std::string block : {"encoder.block.0.layer.", "encoder.block.1.layer."}) {
    for (const char* const name : {"q", "k", "v"})
      tensors[block + "0.SelfAttention." + name + ".weight"] = normals({6, 8});
    tensors[block + "0.SelfAttention.o.weight"] = at::zeros({8, 6});
    tensors[block + "1.DenseReluDense.wi.weight"] = normals({10, 8});
    tensors[block + "1.DenseReluDense.wo.weight"] = at::zeros({8, 10});
    for (const char* const name : {"0.layer_norm.weight", "1.layer_norm.weight"})
      tensors[block + name] = normals({8});
  }
  tensors["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = normals({32, 2});
  return tensors;
}

class T5EncoderTest : public ::testing::Test {
 protected:
  T5EncoderTest() {
    folder_.write("config.json", small_t5_config().dump());
    folder_.write("spiece.model", small_model());
    save();
  }

  void save() {
    std::vector<ckpt::TensorEntry> entries;
    for (const auto& [name, tensor] : tensors_)
      entries.push_back({name, DType::float32, tensor.sizes().vec()});
    ckpt::SafetensorsWriter writer(folder_ / "model.safetensors", entries, {});
    for (const auto& [name, tensor] : tensors_) writer.append(nn::to_array(tensor).bytes);
    writer.commit();
  }

  TextEncoder encoder(std::int64_t most_rows = 10) { return t5_encoder(folder_.path(), {}, most_rows); }

  void expect_data_error(const std::string& message) {
    const Error error = error_of([&] { encoder(); });
    EXPECT_EQ(error.kind(), ExitCode::data);
    EXPECT_THAT(error.what(), HasSubstr(message));
  }

  TemporaryFolder folder_;
  Tensors tensors_ = idle_weights();
};

TEST_F(T5EncoderTest, GivesAnEmptyCaptionTheRowOfItsEndToken) {
  const Array rows = encoder().encode("");
  EXPECT_EQ(rows.shape, (Shape{1, 8}));
  EXPECT_EQ(rows.dtype, DType::float16);
}

TEST_F(T5EncoderTest, GivesTheNormOfTheEmbeddingsWhereItsBlocksAddNothing) {
  const at::Tensor x = tensors_["shared.weight"].index_select(0, at::tensor({3, 7, 1})).to(at::kDouble);
  const at::Tensor wanted =
      x / (x.square().mean(1, true) + 1e-6).sqrt() * tensors_["encoder.final_layer_norm.weight"];
  EXPECT_LT(relative_error(nn::to_tensor(encoder().encode("ab")), wanted), 1e-3);
}

TEST_F(T5EncoderTest, KeepsTheEndTokenOfACaptionThatIsTooLong) {
  const at::Tensor rows = nn::to_tensor(encoder(3).encode("abababab"));
  EXPECT_EQ(rows.size(0), 3);
  EXPECT_TRUE(rows[2].equal(nn::to_tensor(encoder().encode(""))[0]));
}

TEST_F(T5EncoderTest, TakesTheEmbeddingUnderEitherOfItsNames) {
  const Array rows = encoder().encode("ab");
  auto table = tensors_.extract("shared.weight");
  table.key() = "encoder.embed_tokens.weight";
  tensors_.insert(std::move(table));
  save();
  EXPECT_EQ(encoder().encode("ab").bytes, rows.bytes);
}

TEST_F(T5EncoderTest, IsKnownByItsWeightsAndTokenizer) {
  const std::string before = encoder().fingerprint;
  EXPECT_THAT(before, ::testing::StartsWith("t5 "));
  EXPECT_EQ(encoder().fingerprint, before);
  folder_.write("spiece.model", small_model() + dfm::testing::piece("c", -2));
  const std::string other_tokenizer = encoder().fingerprint;
  EXPECT_NE(other_tokenizer, before);
  tensors_["shared.weight"] = tensors_["shared.weight"] + 1;
  save();
  EXPECT_NE(encoder().fingerprint, other_tokenizer);
}

TEST_F(T5EncoderTest, IsChosenByItsKindAndFolder) {
  const TextEncoderChoice choice{"t5:" + folder_.path().native(), 3};
  EXPECT_EQ(make_text_encoder(choice, {}).encode("abababab").shape, (Shape{3, 8}));
  EXPECT_EQ(text_width(choice.name), 8);
}

TEST_F(T5EncoderTest, IsNotTakenForAnotherKind) {
  const std::string folder = folder_.path().native();
  const Error error = error_of([&] { make_text_encoder({"umt5:" + folder, 3}, {}); });
  EXPECT_EQ(error.kind(), ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("is no umt5, but t5"));
  EXPECT_EQ(error.hint(), "use t5:" + folder);
}

TEST_F(T5EncoderTest, TellsOfWeightsThatAreMissing) {
  tensors_.erase("encoder.block.1.layer.0.SelfAttention.v.weight");
  save();
  expect_data_error("lack encoder.block.1.layer.0.SelfAttention.v.weight");
}

TEST_F(T5EncoderTest, TellsOfWeightsOfAnotherShape) {
  tensors_["shared.weight"] = at::zeros({13, 8});
  save();
  expect_data_error("shared.weight in " + folder_.path().native() +
                    " has the shape [13, 8] instead of [12, 8]");
}

TEST_F(T5EncoderTest, TellsOfATokenizerWithMorePiecesThanTheVocabulary) {
  Json config = small_t5_config();
  config["vocab_size"] = 8;
  folder_.write("config.json", config.dump());
  expect_data_error("has 9 pieces, but vocab_size is 8");
}

TEST_F(T5EncoderTest, TellsOfRowsThatAreNotFinite) {
  tensors_["encoder.final_layer_norm.weight"].fill_(1e9);
  save();
  const Error error = error_of([&] { encoder().encode("ab"); });
  EXPECT_EQ(error.kind(), ExitCode::data);
  EXPECT_THAT(error.what(), HasSubstr("rows for 'ab' are not finite in float16"));
}

}  // namespace
}  // namespace dfm::encoders

// The face that all model families share: what trains or samples a network knows this and not its family.
//
//   const BackboneSpec spec = backbone_spec(config);     // nothing is allocated
//   nn::ParameterList parameters;
//   const Backbone backbone = spec.build(parameters);    // declares the parameters
//   parameters.materialize(at::kFloat);
//   at::Tensor output = backbone.forward(input, layout);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "model/recompute_plan.h"
#include "nn/pack.h"
#include "nn/parameter.h"
#include "nn/shared_choice.h"

namespace dfm::model {

// How a latent is cut into tokens.
struct PatchShape {
  std::int64_t in_channels = 16;
  std::int64_t spatial = 2;
  std::int64_t temporal = 1;

  // Features of a token: all channels of a patch.
  std::int64_t features() const { return in_channels * spatial * spatial * temporal; }
};

// A pack of samples, as the network sees it. Where ranks share a pack, tokens are those of this rank.
struct PackInput {
  at::Tensor tokens;       // [S, patch features]
  at::Tensor positions;    // [tokens of the whole pack, 3] int64: frame, row, column in patches; on the CPU
  at::Tensor noise_level;  // [n] float32: the time or c_noise of each sample
  at::Tensor text;         // [T, text width]
};

// What one stage of a pipeline has of a network: some chunks of consecutive layers.
struct StagePart {
  // Chunk number `chunk` of this stage: x [S, hidden size] from the chunk before (the first of all needs
  // none) -> the same for the chunk after, or the output.
  std::function<at::Tensor(int chunk, const at::Tensor& x, const PackInput& input,
                           const nn::PackLayout& layout)>
      forward;
  // Memory for what comes from another stage.
  std::function<at::Tensor(const nn::PackLayout& layout)> room;
};

struct Backbone {
  PatchShape patches;
  // [S, patch features] in the dtype of the parameters, once these are materialized. Where pipeline stages
  // share the network, all of them call it together, get the output, and have no gradients.
  std::function<at::Tensor(const PackInput& input, const nn::PackLayout& layout)> forward;
  RecomputePlan recompute = {};
  // Where ranks give each other parameters during a forward pass, all must make as many: this is one without
  // a pack, and without gradients. Empty where each rank may run for itself.
  std::function<void()> idle_forward = {};
  StagePart stage = {};          // of a pipeline
  at::Device device = at::kCPU;  // of the parameters, as whoever materializes them says, and of all inputs
                                 // but the positions
};

// Of a sample, in patches.
struct SampleSize {
  std::int64_t tokens = 1, frames = 1;
};

// What the tensor ranks divide in whole units: each rank needs one at least.
struct TensorUnits {
  const char* what;  // "attention heads"
  const char* key;   // that sets their number
  std::int64_t count;
  bool travel_between_context_ranks = false;  // where these exchange heads: then each of them needs one, too
};

// Of a block: what expert ranks divide.
struct Experts {
  std::int64_t count = 0;
  nn::ChoiceRule choice = {};
};

// Of a block: what ranks that share samples move of it (train/block_traffic.h).
struct BlockShape {
  std::int64_t width = 0;            // of a row between blocks
  std::int64_t self_attentions = 1;  // beside them are one cross-attention and one MLP
  std::int64_t key_heads = 1, queries_of_key = 1, head_width = 1;  // of self-attention
  std::int64_t token_norms = 0, text_norms = 0;                    // over the heads of all tensor ranks
  std::int64_t text_length = 0;  // that every sample's text gets there; 0: its own
  // For each self-attention the tokens of every sequence on every context rank. Empty: sequences are samples.
  using SequenceCounts = std::vector<std::vector<std::int64_t>>;
  std::function<std::vector<SequenceCounts>(const nn::PackLayout& layout, const SampleSize& sample)>
      sequences = {};
};

struct BackboneSpec {
  std::string title;  // "DiT, 28 layers, width 1152, 16 heads"
  PatchShape patches;
  std::int64_t text_width = 0;
  const char* text_width_key = "model.crossattn_emb_size";  // what sets it
  Experts experts = {};
  std::vector<TensorUnits> tensor_units = {};  // empty for a family whose samples ranks cannot share
  std::int64_t layers = 1;                     // that pipeline stages divide
  // Rows and columns, in patches, that the tables of positions hold; empty for a family without such tables.
  std::optional<std::array<std::int64_t, 2>> most_positions = {};
  BlockShape block = {};
  // Declares the parameters and returns the network that uses them.
  std::function<Backbone(nn::ParameterList& parameters)> build;
  // Multiplications and additions of the matrix products of one sample's forward pass.
  std::function<double(const SampleSize& sample, std::int64_t text_rows)> forward_flops;
};

// From the keys of [model]. Throws a usage error with the arithmetic for sizes that do not fit together.
BackboneSpec backbone_spec(const Config& config);

}  // namespace dfm::model

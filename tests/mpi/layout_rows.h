// The layouts and the networks of the table test: each layout names how many ranks it needs and is passed
// over on any other number of them. Sizes are awkward on purpose: heads 40 and 42 wide, which ranks cannot
// divide evenly, and samples of 1 to 12 tokens.
#pragma once

#include <ostream>
#include <string>

#include "model/moviegen.h"
#include "model/stdit.h"
#include "model/wan.h"
#include "unit/train/tiny_training.h"

namespace dfm::train {

struct LayoutRow {
  const char* family;
  int ranks;
  comm::GridShape grid;
  comm::Sharding sharding = comm::Sharding::optimizer;

  friend std::ostream& operator<<(std::ostream& out, const LayoutRow& row) { return out << row.name(); }
  std::string name() const {
    return std::string(family) + "On" + std::to_string(ranks) + "Tensor" + std::to_string(grid.tensor) +
           "Context" + std::to_string(grid.context) + "Heads" + std::to_string(grid.context_heads) +
           "Pipeline" + std::to_string(grid.pipeline) + "x" + std::to_string(grid.pipeline_chunks) +
           "Expert" + std::to_string(grid.expert) + (has_fsdp() ? "Fsdp" : "");
  }
  bool has_fsdp() const { return sharding == comm::Sharding::parameters; }
  // Five are not divided evenly by stages, nor are they all in memory under FSDP.
  std::int64_t layers() const { return grid.pipeline > 1 || has_fsdp() ? 5 : 2; }
};

// Of a block: attentions and MLP.
inline std::int64_t awkward_branches(const std::string& family) { return family == "StDit" ? 5 : 3; }
inline std::int64_t awkward_hidden(const std::string& family) {
  return family == "Wan" ? 5 * 42 : family == "MovieGen" || family == "EcDit" ? 10 * 14 : 4 * 40;
}
inline std::int64_t awkward_heads(const std::string& family) {
  return family == "Wan" ? 5 : family == "MovieGen" || family == "EcDit" ? 10 : 4;
}
inline std::int64_t awkward_key_heads(const std::string& family) {
  return family == "Dit" || family == "StDit" ? 4 : 5;
}

// No number of ranks divides them.
inline std::int64_t awkward_experts(const std::string& family) { return family == "EcDit" ? 5 : 0; }
inline constexpr double kAwkwardCapacity = 2;

template <class Shape>
Shape awkward_shape(std::int64_t layers, std::int64_t heads, std::int64_t head_width) {
  Shape shape;
  shape.num_layers = layers;
  shape.hidden_size = heads * head_width;
  shape.num_attention_heads = heads;
  shape.ffn_hidden_size = 2 * heads * head_width + 3;
  shape.crossattn_emb_size = tiny_model().crossattn_emb_size;
  shape.patches.in_channels = tiny_model().patches.in_channels;
  return shape;
}

inline model::BackboneSpec awkward_model(const std::string& family, std::int64_t layers = 2) {
  if (family == "Wan") {
    auto shape = awkward_shape<model::WanShape>(layers, 5, 42);
    shape.text_dim = tiny_model().crossattn_emb_size;
    shape.crossattn_emb_size = 28;
    shape.freq_dim = 32;
    return model::wan_spec(shape);
  }
  if (family == "MovieGen" || family == "EcDit") {
    auto shape = awkward_shape<model::MovieGenShape>(layers, 10, 14);
    shape.num_query_groups = 5;
    if (family == "EcDit") {
      shape.ffn_hidden_size = 37;
      shape.experts = {awkward_experts(family), {nn::RoutingGroup::sample, kAwkwardCapacity}};
      // What cross-attention gives is nearly the same for all tokens of a sample. Fed with that alone,
      // experts choose among scores that a rounding error decides between.
      shape.cross_residual = true;
    }
    return model::moviegen_spec(shape);
  }
  auto shape = awkward_shape<model::DitShape>(layers, 4, 40);
  shape.adaln_rank = 20;
  return family == "StDit" ? model::stdit_spec(shape) : model::dit_spec(shape);
}

inline TrainerSettings layout_settings(const LayoutRow& row) {
  TrainerSettings settings = tiny_settings();
  settings.model = awkward_model(row.family, row.layers());
  settings.sharding = row.sharding;
  return settings;
}

inline data::PrefetchingReader layout_reader(const comm::GridGroups& groups) { return tiny_reader(groups); }

// What starts at zero or one is not quite that, so that every gradient is there from the first step on.
inline void disturbed_values(const nn::Parameter& parameter, std::int64_t first, std::span<float> out) {
  nn::initial_values(parameter, tiny_settings().noise.seed, first, out);
  if (parameter.init.kind == nn::Init::Kind::normal) return;
  nn::Parameter noise = parameter;
  noise.init = nn::Init::normal(0.1);
  std::vector<float> more(out.size());
  nn::initial_values(noise, 77, first, more);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += more[i];
}

}  // namespace dfm::train

#include "comm/grid_settings.h"

#include <charconv>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "core/error.h"

namespace dfm::comm {

namespace {

constexpr const char* kSizes = "model.hierarchical_context_parallel_sizes";

// 0 for what is no number.
int number(const std::string& text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  return std::from_chars(text.data(), end, value).ptr == end ? value : 0;
}

// The first of the two sizes of a2a+p2p.
int ranks_in_hierarchy(const std::vector<std::string>& sizes, int context) {
  const int heads = sizes.size() == 2 ? number(sizes[0]) : 0;
  if (heads > 0 && context % heads == 0 && context / heads == number(sizes[1])) return heads;
  throw usage_error(fmt::format("{} = {}: two numbers are needed whose product is "
                                "model.context_parallel_size = {}",
                                kSizes, fmt::join(sizes, ","), context),
                    fmt::format("{}='[\"{}\",\"1\"]' would be one", kSizes, context));
}

// Of the context ranks, how many exchange heads with each other.
int context_heads(const Config& config, int context) {
  const std::string& type = config.text("model.cp_comm_type");
  const auto& sizes = config.texts(kSizes);
  if (type == "a2a+p2p") return ranks_in_hierarchy(sizes, context);
  if (!sizes.empty()) {
    throw usage_error(fmt::format("{} is given with model.cp_comm_type = {}", kSizes, type),
                      "it is for model.cp_comm_type=a2a+p2p; leave one of them out");
  }
  return type == "a2a" ? context : 1;
}

int shard_copies(const Config& config) {
  const auto copies = static_cast<int>(config.integer("ddp.num_distributed_optimizer_instances"));
  if (sharding(config) != Sharding::none) return copies;
  if (copies == 1) return GridShape::kUndivided;
  throw usage_error(
      fmt::format("ddp.num_distributed_optimizer_instances = {}, but nothing is divided", copies),
      "give ddp.data_parallel_sharding_strategy=optim, optim_grads or optim_grads_params");
}

int pipeline_chunks(const Config& config, int pipeline) {
  constexpr const char* kKey = "model.virtual_pipeline_model_parallel_size";
  const auto chunks = static_cast<int>(config.optional_integer(kKey).value_or(1));
  if (chunks == 1 || pipeline > 1) return chunks;
  throw usage_error(
      fmt::format("{} = {} with one pipeline rank", kKey, chunks),
      "chunks of layers interleave over pipeline ranks; give model.pipeline_model_parallel_size, "
      "too, or leave it out");
}

}  // namespace

Sharding sharding(const Config& config) {
  const std::string& strategy = config.text("ddp.data_parallel_sharding_strategy");
  const bool is_divided = config.flag("ddp.use_distributed_optimizer");
  const bool is_fsdp = strategy == "auto" && config.flag("ddp.use_megatron_fsdp");
  if (strategy == "no_shard" || (strategy == "auto" && !is_divided && !is_fsdp)) return Sharding::none;
  if (!is_divided) {
    throw usage_error(fmt::format("ddp.use_distributed_optimizer = false with {}",
                                  is_fsdp ? "ddp.use_megatron_fsdp = true"
                                          : "ddp.data_parallel_sharding_strategy = " + strategy),
                      "what is divided holds the optimizer state, too; leave one of them out");
  }
  if (is_fsdp) return Sharding::parameters;
  if (strategy == "auto") return Sharding::optimizer;
  if (strategy == "optim") return Sharding::optimizer;
  return strategy == "optim_grads" ? Sharding::gradients : Sharding::parameters;
}

GridShape grid_shape(const Config& config) {
  GridShape shape{static_cast<int>(config.integer("model.tensor_model_parallel_size")),
                  static_cast<int>(config.integer("model.context_parallel_size")),
                  static_cast<int>(config.integer("model.pipeline_model_parallel_size")),
                  static_cast<int>(config.integer("model.expert_model_parallel_size"))};
  shape.shard_copies = shard_copies(config);
  shape.pipeline_chunks = pipeline_chunks(config, shape.pipeline);
  if (shape.tensor > 1 && !config.flag("model.sequence_parallel")) {
    throw usage_error(
        fmt::format("model.sequence_parallel = false with model.tensor_model_parallel_size = {}",
                    shape.tensor),
        "tensor parallel ranks always share the sequence, too: it moves the same bytes and needs less "
        "memory; leave model.sequence_parallel out");
  }
  shape.context_heads = context_heads(config, shape.context);
  return shape;
}

}  // namespace dfm::comm

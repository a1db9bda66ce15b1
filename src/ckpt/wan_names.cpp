#include "ckpt/wan_names.h"

#include <fmt/core.h>

namespace dfm::ckpt {
namespace {

// A weight of [outputs, inputs] and a bias of [outputs].
struct Linear {
  std::string ours;
  std::vector<std::string> theirs;
  std::int64_t outputs, inputs;
};

std::vector<std::string> with_end(std::vector<std::string> names, const char* end) {
  for (std::string& name : names) name += end;
  return names;
}

void add(std::vector<WanName>& names, const Linear& linear) {
  names.push_back(
      {linear.ours + ".weight", with_end(linear.theirs, ".weight"), {linear.outputs, linear.inputs}});
  names.push_back({linear.ours + ".bias", with_end(linear.theirs, ".bias"), {linear.outputs}});
}

void add_outside_of_blocks(std::vector<WanName>& names, const WanSizes& sizes) {
  const std::int64_t h = sizes.hidden;
  static constexpr std::int64_t kPatchCells = 4;
  names.push_back({"patch_embedding.weight", {"patch_embedding.weight"}, {h, sizes.channels, 1, 2, 2}});
  names.push_back({"patch_embedding.bias", {"patch_embedding.bias"}, {h}});
  names.push_back({"head.modulation", {"scale_shift_table"}, {1, 2, h}});
  const std::string theirs = "condition_embedder.";
  add(names, {"time_embedder.linear_1", {theirs + "time_embedder.linear_1"}, h, sizes.freq_dim});
  add(names, {"time_embedder.linear_2", {theirs + "time_embedder.linear_2"}, h, h});
  add(names, {"time_proj", {theirs + "time_proj"}, 6 * h, h});
  add(names, {"text_embedding.0", {theirs + "text_embedder.linear_1"}, h, sizes.text_dim});
  add(names, {"text_embedding.2", {theirs + "text_embedder.linear_2"}, h, h});
  add(names, {"head.head", {"proj_out"}, kPatchCells * sizes.channels, h});
}

void add_attention(std::vector<WanName>& names, const std::string& ours, const std::string& theirs,
                   std::int64_t h) {
  add(names, {ours + ".linear_proj", {theirs + ".to_out.0"}, h, h});
  names.push_back({ours + ".q_layernorm.weight", {theirs + ".norm_q.weight"}, {h}});
  names.push_back({ours + ".k_layernorm.weight", {theirs + ".norm_k.weight"}, {h}});
}

void add_block(std::vector<WanName>& names, std::int64_t number, const WanSizes& sizes) {
  const std::int64_t h = sizes.hidden;
  const std::string ours = fmt::format("decoder.layers.{}.", number),
                    theirs = fmt::format("blocks.{}.", number);
  const std::string self = theirs + "attn1", cross = theirs + "attn2";
  names.push_back({ours + "adaLN.modulation", {theirs + "scale_shift_table"}, {1, 6, h}});
  add_attention(names, ours + "full_self_attention", self, h);
  add(names,
      {ours + "full_self_attention.linear_qkv", {self + ".to_q", self + ".to_k", self + ".to_v"}, h, h});
  add_attention(names, ours + "cross_attention", cross, h);
  add(names, {ours + "cross_attention.linear_q", {cross + ".to_q"}, h, h});
  add(names, {ours + "cross_attention.linear_kv", {cross + ".to_k", cross + ".to_v"}, h, h});
  names.push_back({ours + "norm3.weight", {theirs + "norm2.weight"}, {h}});
  names.push_back({ours + "norm3.bias", {theirs + "norm2.bias"}, {h}});
  add(names, {ours + "mlp.linear_fc1", {theirs + "ffn.net.0.proj"}, sizes.ffn, h});
  add(names, {ours + "mlp.linear_fc2", {theirs + "ffn.net.2"}, h, sizes.ffn});
}

}  // namespace

std::vector<WanName> wan_names(const WanSizes& sizes) {
  std::vector<WanName> names;
  add_outside_of_blocks(names, sizes);
  for (std::int64_t i = 0; i < sizes.layers; ++i) add_block(names, i, sizes);
  return names;
}

}  // namespace dfm::ckpt

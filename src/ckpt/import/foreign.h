// The readers of checkpoints that other programs wrote, a file each, and what they share.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "ckpt/import/source.h"
#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"

namespace dfm::ckpt {

inline constexpr const char* kModelFileName = "model.pth";
inline constexpr const char* kSafetensorsIndexName = "model.safetensors.index.json";
// Of diffusers.
inline constexpr const char* kDiffusersConfigName = "config.json";
inline constexpr const char* kDiffusersStem = "diffusion_pytorch_model";

// A file as bytes that are read when they are needed.
data::ByteRange byte_range_of(const std::filesystem::path& path);

// model_rank_0.pt, model_rank_1.pt, ... of a folder; empty when it has none. Throws a data error when one
// between them is missing.
std::vector<std::filesystem::path> rank_shard_files(const std::filesystem::path& folder);

// Dicts of tensors that torch.save wrote, merged as checkpoint.update(shard) merges them: of two tensors with
// one name, the later file's counts. Dicts inside dicts become dotted names.
Source open_torch_files(const std::vector<std::filesystem::path>& paths);

// What torch.distributed.checkpoint's FileSystemWriter wrote, as Megatron's torch_dist format does: .metadata
// and
// *.distcp.
Source open_torch_distributed(const std::filesystem::path& folder);

// A file, or a folder of parts with their index.
Source open_safetensors_source(const std::filesystem::path& path);
// The parts beside their index.
Source open_safetensors_parts(const std::filesystem::path& index);

// The folder of a network that diffusers saved: path, or its folder "transformer" where path is a pipeline.
std::optional<std::filesystem::path> diffusers_folder(const std::filesystem::path& path);

// A WanTransformer3DModel, by dfm's names and with the keys that describe it; with those of the encoders
// beside it, where it lies in a pipeline. Throws a data error for any other network.
Source open_diffusers_source(const std::filesystem::path& path);

// Elements of a view, in the order of its shape. The view must outlive nothing: it is kept.
ReadElements reader_of(std::shared_ptr<const data::ArrayView> view);
// Row-major without gaps.
bool is_dense(const data::ArrayView& view);

// Puts aside what is no weight (optimizer state, _extra_state, random states), takes off the one dict that
// all weights lie in ("model."), tells moving averages ("ema.") apart, and sorts. Throws a data error for two
// tensors of one name.
void sort_out(Source& source);

// Megatron stores the equal layers of a model as one tensor: "decoder.layers.mlp.linear_fc1.weight" of
// [layers, ...] becomes "decoder.layers.0.mlp.linear_fc1.weight" and so on.
void divide_stacks(Source& source);

}  // namespace dfm::ckpt

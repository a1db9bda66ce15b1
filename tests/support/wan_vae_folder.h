// A small random autoencoder of WAN 2.1 as diffusers saves one, to be spoilt by tests: 4 channels at all
// resolutions, 3 in the latent, one residual block a stage.
#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "ckpt/safetensors.h"
#include "core/json.h"
#include "nn/array_bridge.h"
#include "support/temporary_folder.h"
#include "support/tensors.h"

namespace dfm::testing {

struct WanVaeFolder {
  WanVaeFolder() {
    add_encoder();
    add_decoder();
  }

  void write(const std::filesystem::path& folder) const {
    write_file(folder / "config.json", config.dump());
    std::vector<ckpt::TensorEntry> entries;
    for (const auto& [name, shape] : shapes) entries.push_back({name, DType::float32, shape});
    ckpt::SafetensorsWriter writer(folder / "diffusion_pytorch_model.safetensors", entries, {});
    Normals normals(1);
    for (const auto& [name, shape] : shapes) {
      const double inputs = static_cast<double>(element_count(shape)) / static_cast<double>(shape[0]);
      writer.append(nn::to_array(normals(shape) / std::sqrt(inputs)).bytes);
    }
    writer.commit();
  }

  Json config{{"_class_name", "AutoencoderKLWan"},
              {"base_dim", 4},
              {"z_dim", kLatent},
              {"dim_mult", {1, 1, 1, 1}},
              {"num_res_blocks", 1},
              {"attn_scales", Json::array()},
              {"temperal_downsample", {false, true, true}},
              {"latents_mean", {0.1, -0.2, 0.3}},
              {"latents_std", {1.5, 2.0, 2.5}}};
  std::map<std::string, Shape> shapes;

 private:
  static constexpr std::int64_t kWidth = 4, kLatent = 3;

  void add_conv(const std::string& name, const Shape& shape) {
    shapes[name + ".weight"] = shape;
    shapes[name + ".bias"] = {shape[0]};
  }
  void add_block(const std::string& name, std::int64_t inputs) {
    shapes[name + ".norm1.gamma"] = {inputs, 1, 1, 1};
    add_conv(name + ".conv1", {kWidth, inputs, 3, 3, 3});
    shapes[name + ".norm2.gamma"] = {kWidth, 1, 1, 1};
    add_conv(name + ".conv2", {kWidth, kWidth, 3, 3, 3});
    if (inputs != kWidth) add_conv(name + ".conv_shortcut", {kWidth, inputs, 1, 1, 1});
  }
  // The parts that encoder and decoder share.
  void add_frame(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
    add_conv(name + ".conv_in", {kWidth, inputs, 3, 3, 3});
    add_block(name + ".mid_block.resnets.0", kWidth);
    add_block(name + ".mid_block.resnets.1", kWidth);
    const std::string attention = name + ".mid_block.attentions.0";
    shapes[attention + ".norm.gamma"] = {kWidth, 1, 1};
    add_conv(attention + ".to_qkv", {3 * kWidth, kWidth, 1, 1});
    add_conv(attention + ".proj", {kWidth, kWidth, 1, 1});
    shapes[name + ".norm_out.gamma"] = {kWidth, 1, 1, 1};
    add_conv(name + ".conv_out", {outputs, kWidth, 3, 3, 3});
  }
  void add_encoder() {
    add_frame("encoder", 3, 2 * kLatent);
    add_conv("quant_conv", {2 * kLatent, 2 * kLatent, 1, 1, 1});
    for (const int block : {0, 2, 4, 6}) add_block("encoder.down_blocks." + std::to_string(block), kWidth);
    for (const int step : {1, 3, 5})
      add_conv("encoder.down_blocks." + std::to_string(step) + ".resample.1", {kWidth, kWidth, 3, 3});
    for (const int step : {3, 5})
      add_conv("encoder.down_blocks." + std::to_string(step) + ".time_conv", {kWidth, kWidth, 3, 1, 1});
  }
  void add_decoder() {
    add_frame("decoder", kLatent, 3);
    add_conv("post_quant_conv", {kLatent, kLatent, 1, 1, 1});
    for (const int stage : {0, 1, 2, 3}) {
      const std::string name = "decoder.up_blocks." + std::to_string(stage);
      add_block(name + ".resnets.0", stage == 0 ? kWidth : kWidth / 2);
      add_block(name + ".resnets.1", kWidth);
      if (stage < 3) add_conv(name + ".upsamplers.0.resample.1", {kWidth / 2, kWidth, 3, 3});
      if (stage < 2) add_conv(name + ".upsamplers.0.time_conv", {2 * kWidth, kWidth, 3, 1, 1});
    }
  }
};

}  // namespace dfm::testing

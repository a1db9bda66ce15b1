// Which file of a sample holds which tensor, and in what format: by the extensions that people use.
#pragma once

#include <array>
#include <string_view>

namespace dfm::data {

enum class TensorFormat { torch, pickle, npy, safetensors };

struct TensorPart {
  std::string_view extension;  // of the part; one dot may stand before it
  TensorFormat format = TensorFormat::torch;
  std::string_view tensor = {};  // its name, in a format that has names
};

// The first one that a sample has counts.
inline constexpr std::array kLatentParts{
    TensorPart{"pth", TensorFormat::torch}, TensorPart{"pt", TensorFormat::torch},
    TensorPart{"latent.npy", TensorFormat::npy}, TensorPart{"npy", TensorFormat::npy},
    TensorPart{"safetensors", TensorFormat::safetensors, "latent"}};
inline constexpr std::array kTextParts{
    TensorPart{"pickle", TensorFormat::pickle}, TensorPart{"pkl", TensorFormat::pickle},
    TensorPart{"pyd", TensorFormat::pickle}, TensorPart{"text.npy", TensorFormat::npy},
    TensorPart{"safetensors", TensorFormat::safetensors, "text"}};

// Some writers put the dot into the part's name: KEY..pth (spec/nemo_diffusion.md section 5.1).
constexpr std::string_view without_dot(std::string_view extension) {
  return extension.substr(extension.starts_with('.') ? 1 : 0);
}

}  // namespace dfm::data

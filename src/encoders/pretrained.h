// Networks that others trained, from a local folder as Hugging Face's libraries save them: config.json and
// weights (safetensors, in one file or in parts, or pytorch_model.bin, of which nothing is executed).
//
//   const PretrainedConfig config(folder_of_part(dir, "text_encoder"));
//   const std::int64_t width = config.integer("d_model");
//   WeightReader weights(config.folder(), {dtype, device});
//   const at::Tensor table = weights.read("shared.weight", {vocabulary, width});
//   const std::string fingerprint = weights.fingerprint();  // of all that was read
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ckpt/import/source.h"
#include "core/hash.h"
#include "core/json.h"
#include "encoders/placed.h"

namespace dfm::encoders {

// DIR/part where there is such a folder (DIR then holds a whole pipeline), else DIR.
std::filesystem::path folder_of_part(const std::filesystem::path& dir, const std::string& part);

class PretrainedConfig {
 public:
  // Throws a usage error for a folder without config.json, a data error for one that is no JSON object.
  explicit PretrainedConfig(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }

  // These throw a data error for a key that is missing (where no default is given) or of another type;
  // integers must be 1 to 2^20.
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> otherwise = {}) const;
  double real(const std::string& key, std::optional<double> otherwise = {}) const;
  bool flag(const std::string& key, std::optional<bool> otherwise = {}) const;
  std::string text(const std::string& key, const std::optional<std::string>& otherwise = {}) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  std::vector<double> reals(const std::string& key) const;
  std::vector<bool> flags(const std::string& key) const;

 private:
  // Empty where the key is missing or null.
  const Json* find(const std::string& key) const;
  template <class T>
  T get(const std::string& key, const std::optional<T>& otherwise) const;

  std::filesystem::path folder_;
  Json values_;
};

class WeightReader {
 public:
  // Throws a data error for a folder without weights, or with damaged ones.
  WeightReader(const std::filesystem::path& folder, Placed placed);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // Converted from the floating-point type it is stored in. Throws a data error where it is missing or has
  // another shape.
  at::Tensor read(const std::string& name, const Shape& shape);
  // Of the stored bytes of what was read, in that order.
  std::string fingerprint() const { return hex(hash_.digest()); }

 private:
  std::filesystem::path folder_;
  Placed placed_;
  ckpt::Source source_;
  std::map<std::string, const ckpt::SourceTensor*> tensors_;
  StreamHash hash_;
};

}  // namespace dfm::encoders

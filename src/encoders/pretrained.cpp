#include "encoders/pretrained.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include <fmt/ranges.h>

#include "ckpt/import/foreign.h"
#include "core/array.h"
#include "core/error.h"
#include "core/stop_token.h"
#include "nn/array_bridge.h"

namespace dfm::encoders {
namespace fs = std::filesystem;
namespace {

constexpr const char* kConfigName = "config.json";
constexpr std::int64_t kLargestInteger = 1 << 20;
constexpr std::array kWeightFiles{"diffusion_pytorch_model.safetensors", "model.safetensors",
                                  "pytorch_model.bin"};

void require_range(std::int64_t value, const std::string& key, const fs::path& folder) {
  if (value >= 1 && value <= kLargestInteger) return;
  throw data_error(fmt::format("{}: {} is {}, expected 1 to {}", (folder / kConfigName).native(), key, value,
                               kLargestInteger));
}

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

// Asked first: nlohmann::json takes numbers and truth values for each other, and cuts fractions off.
template <class T>
bool holds(const Json& value) {
  if constexpr (IsVector<T>::value) {
    return value.is_array() && std::ranges::all_of(value, holds<typename T::value_type>);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string();
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_same_v<T, double>) {
    return value.is_number();
  } else {
    return value.is_number_integer();
  }
}

ckpt::Source open_weights(const fs::path& folder) {
  if (fs::exists(folder / ckpt::kSafetensorsIndexName)) return ckpt::open_safetensors_source(folder);
  for (const fs::path name : kWeightFiles) {
    const fs::path path = folder / name;
    if (!fs::exists(path)) continue;
    return name.extension() == ".bin" ? ckpt::open_torch_files({path}) : ckpt::open_safetensors_source(path);
  }
  throw data_error(fmt::format("{} holds no weights", folder.native()),
                   fmt::format("it needs {}, or model.safetensors in parts with their index",
                               fmt::join(kWeightFiles, ", or ")));
}

}  // namespace

fs::path folder_of_part(const fs::path& dir, const std::string& part) {
  return fs::is_directory(dir / part) ? dir / part : dir;
}

PretrainedConfig::PretrainedConfig(fs::path folder) : folder_(std::move(folder)) {
  const fs::path path = folder_ / kConfigName;
  if (!fs::exists(path)) {
    throw usage_error(fmt::format("{} is not there", path.native()),
                      "name the folder of a pretrained network, with config.json and weights in it");
  }
  values_ = read_json(path);
  if (!values_.is_object()) throw data_error(fmt::format("{} is no JSON object", path.native()));
}

const Json* PretrainedConfig::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() || found->is_null() ? nullptr : &*found;
}

template <class T>
T PretrainedConfig::get(const std::string& key, const std::optional<T>& otherwise) const {
  const Json* const value = find(key);
  const std::string path = (folder_ / kConfigName).native();
  if (value == nullptr && otherwise) return *otherwise;
  if (value == nullptr) throw data_error(fmt::format("{} has no {}", path, key));
  if (holds<T>(*value)) return value->get<T>();
  throw data_error(fmt::format("{}: {} is {}, which is of another type than it should be", path, key,
                               value->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 100)));
}

std::int64_t PretrainedConfig::integer(const std::string& key, std::optional<std::int64_t> otherwise) const {
  const auto value = get(key, otherwise);
  require_range(value, key, folder_);
  return value;
}

double PretrainedConfig::real(const std::string& key, std::optional<double> otherwise) const {
  return get(key, otherwise);
}

bool PretrainedConfig::flag(const std::string& key, std::optional<bool> otherwise) const {
  return get(key, otherwise);
}

std::string PretrainedConfig::text(const std::string& key,
                                   const std::optional<std::string>& otherwise) const {
  return get(key, otherwise);
}

std::vector<std::int64_t> PretrainedConfig::integers(const std::string& key) const {
  auto values = get<std::vector<std::int64_t>>(key, {});
  for (const std::int64_t value : values) require_range(value, key, folder_);
  return values;
}

std::vector<double> PretrainedConfig::reals(const std::string& key) const {
  return get<std::vector<double>>(key, {});
}

std::vector<bool> PretrainedConfig::flags(const std::string& key) const {
  return get<std::vector<bool>>(key, {});
}

WeightReader::WeightReader(const fs::path& folder, Placed placed)
    : folder_(folder), placed_(placed), source_(open_weights(folder)) {
  for (const ckpt::SourceTensor& tensor : source_.tensors) tensors_.emplace(tensor.name, &tensor);
}

at::Tensor WeightReader::read(const std::string& name, const Shape& shape) {
  StopToken::throw_if_requested();
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw data_error(fmt::format("the weights in {} lack {}", folder_.native(), name));
  const ckpt::SourceTensor& tensor = *found->second;
  if (tensor.shape != shape) {
    throw data_error(fmt::format("{} in {} has the shape {} instead of {}", name, folder_.native(),
                                 to_text(tensor.shape), to_text(shape)),
                     "the weights do not belong to the config.json beside them");
  }
  const at::ScalarType stored = nn::scalar_type(tensor.dtype);
  if (!at::isFloatingType(stored)) {
    throw data_error(
        fmt::format("{} in {} holds {}, not weights", name, folder_.native(), at::toString(stored)));
  }
  at::Tensor value = at::empty(shape, stored);
  const std::span<std::byte> bytes(static_cast<std::byte*>(value.mutable_data_ptr()), value.nbytes());
  tensor.read(0, bytes);
  hash_.update(bytes);
  return value.to(placed_.device, placed_.dtype);
}

}  // namespace dfm::encoders

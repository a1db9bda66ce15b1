#include "train/weights_start.h"

#include <map>
#include <memory>

#include <fmt/core.h>

#include "ckpt/import/find_source.h"
#include "ckpt/import/verify_source.h"
#include "comm/agree.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stripe.h"
#include "train/same_model.h"

namespace dfm::train {
namespace {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, ckpt::SourceTensor>;

void require_tensor(const Tensors& tensors, const nn::Parameter& parameter, const std::string& title) {
  const auto found = tensors.find(parameter.name);
  if (found == tensors.end()) {
    throw usage_error(fmt::format("{} has no {}, which the model needs", title, parameter.name),
                      "give the model.* keys of those weights, or other weights");
  }
  const Shape& needed = parameter.placement.global_shape;
  if (found->second.shape == needed && is_floating_point(found->second.dtype)) return;
  throw usage_error(fmt::format("{} in {} is {} of {}, the model needs {}", parameter.name, title,
                                name_of(found->second.dtype), to_text(found->second.shape), to_text(needed)),
                    "give the model.* keys of those weights, or other weights");
}

Tensors fitting_tensors(const ckpt::Source& source, const nn::ParameterList& parameters) {
  Tensors tensors;
  for (const ckpt::SourceTensor* each : source.of_kind(ckpt::kWeights)) tensors.emplace(each->name, *each);
  for (const nn::Parameter& each : parameters.all()) require_tensor(tensors, each, source.title);
  if (tensors.size() > parameters.all().size()) {
    log::warn("{} holds {} tensors that the model does not have: they are left out", source.title,
              tensors.size() - parameters.all().size());
  }
  return tensors;
}

void read_floats(const ckpt::SourceTensor& tensor, std::int64_t begin, std::span<float> out) {
  const auto bytes = std::as_writable_bytes(out);
  if (tensor.dtype == DType::float32) return tensor.read(begin, bytes);
  std::vector<std::byte> stored(out.size() * size_of(tensor.dtype));
  tensor.read(begin, stored);
  convert_elements(stored, tensor.dtype, bytes, DType::float32);
}

// Elements of the stripe from number `begin` on, run by run as they lie in the whole tensor.
void read_stripe(const ckpt::SourceTensor& tensor, const Stripe& stripe, std::int64_t begin,
                 std::span<float> out) {
  const auto count = static_cast<std::int64_t>(out.size());
  for_each_run(stripe, begin, count, [&](std::int64_t global, std::int64_t done, std::int64_t length) {
    read_floats(tensor, global,
                out.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(length)));
  });
}

}  // namespace

std::optional<fs::path> weights_to_start_from(const Config& config) {
  const auto pretrained = config.optional_text("checkpoint.pretrained_checkpoint");
  const auto load = config.optional_text("checkpoint.load");
  const bool finetunes = config.flag("checkpoint.finetune");
  if (pretrained && load) {
    throw usage_error("both checkpoint.load and checkpoint.pretrained_checkpoint are given",
                      "the first goes on from a checkpoint, the second starts from its weights at step 0");
  }
  if (finetunes && !pretrained && !load) {
    throw usage_error("checkpoint.finetune=true without weights to start from",
                      "give checkpoint.pretrained_checkpoint=PATH");
  }
  return pretrained || !finetunes ? pretrained : load;
}

StartingValues starting_weights(const comm::Group& world, const fs::path& path, const Config& config,
                                const nn::ParameterList& parameters) {
  const ckpt::Source source = ckpt::find_source(world, path, {ckpt::kWeights});
  const auto tensors = comm::agreed(world, [&] {
    require_same_weights(config, {source.title, source.config});
    return std::make_shared<const Tensors>(fitting_tensors(source, parameters));
  });
  if (ckpt::count_source(source).checked_bytes > 0) ckpt::verify_source(world, source);
  return [tensors](const nn::Parameter& parameter, std::int64_t begin, std::span<float> out) {
    read_stripe(tensors->at(parameter.name), parameter.placement.stripe(), begin, out);
  };
}

}  // namespace dfm::train

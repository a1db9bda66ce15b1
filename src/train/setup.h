// From a configuration to the parts of a training run: how its data are read, and its restart point.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ckpt/checkpoint.h"
#include "comm/group.h"
#include "config/config.h"
#include "data/loader/prefetching_reader.h"
#include "data/loader/sample.h"
#include "model/backbone.h"

namespace dfm::train {

// data: the ranks among which the packs of a step are dealt. The model says how long a sample is, and what it
// costs.
data::StepReaderSettings reader_settings(const Config& config, const model::BackboneSpec& model,
                                         const comm::Group& data);

data::ReadAhead read_ahead(const Config& config);

// "2,610,752 + 1 x 38,339,584 in layers": parameters outside the layers, and of each.
std::string parameter_shares(const nn::ParameterList& parameters);

// Throws a usage error when the text width of the data is not the model's.
void require_fitting_text(const data::SampleSource& source, const model::BackboneSpec& model);

// Collective. Goes on from the newest valid checkpoint of checkpoint.save, else of checkpoint.load (unless
// checkpoint.finetune), with `load`, and returns it. Empty for a fresh start. Damaged ones of checkpoint.save
// are set aside. Warns when the data differ, and throws a usage error when the model does. local: null
// without a node-local tier.
std::optional<ckpt::Listed> resume(const Config& config, const comm::Group& world,
                                   const std::string& data_fingerprint,
                                   const std::function<void(const ckpt::Listed&)>& load,
                                   ckpt::LocalUnion* local = nullptr);

}  // namespace dfm::train

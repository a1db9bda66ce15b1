// From a configuration to the parts of a training run: data and restart point.
#pragma once

#include <optional>

#include "ckpt/checkpoint.h"
#include "comm/group.h"
#include "config/config.h"
#include "data/loader/sample.h"
#include "data/loader/step_reader.h"
#include "model/dit_shape.h"

namespace dfm::train {

// The training samples: dataset.path, or made-up ones with dataset.mock.
data::SampleSource training_source(const Config& config);
// The validation samples; empty when the data set has no validation split.
std::optional<data::SampleSource> validation_source(const Config& config);

data::StepReaderSettings reader_settings(const Config& config, const model::DitShape& shape,
                                         const comm::Group& data_parallel);

// Throws a usage error when the text width of the data is not the model's.
void require_fitting_text(const data::SampleSource& source, const model::DitShape& shape);

// Collective. Where to go on: the newest valid checkpoint of checkpoint.save, else of checkpoint.load. Empty
// for a fresh start. Warns when the data differ, and throws a usage error when the model does.
std::optional<ckpt::Listed> restart_point(const Config& config, const comm::Group& world,
                                          const std::string& data_fingerprint);

}  // namespace dfm::train

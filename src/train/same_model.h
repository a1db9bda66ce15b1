// Whether weights of another configuration mean the same in this one.
#pragma once

#include <map>
#include <string>

#include "config/config.h"

namespace dfm::train {

// Where weights come from, and the configuration they were trained with; empty where it is not known.
struct OtherModel {
  std::string title;
  const std::map<std::string, std::string>& config;
};

// Throw a usage error that names the keys that differ. To go on with a run:
void require_same_model(const Config& config, const OtherModel& other);
// To start another one from the weights: what they are trained for, and how large its videos may be, may
// differ.
void require_same_weights(const Config& config, const OtherModel& other);

}  // namespace dfm::train

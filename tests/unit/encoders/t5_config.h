// The config.json of a small T5, for tests.
#pragma once

#include "core/json.h"
#include "encoders/t5_shape.h"
#include "support/temporary_folder.h"

namespace dfm::testing {

inline Json small_t5_config() {
  return {{"model_type", "t5"}, {"vocab_size", 12}, {"d_model", 8},   {"d_kv", 3},
          {"d_ff", 10},         {"num_layers", 2},  {"num_heads", 2}, {"relative_attention_num_buckets", 32}};
}

inline encoders::T5Shape shape_of(const Json& config) {
  const TemporaryFolder folder;
  folder.write("config.json", config.dump());
  return t5_shape(encoders::PretrainedConfig(folder.path()));
}

}  // namespace dfm::testing

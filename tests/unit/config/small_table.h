// A table of keys of every type, and layers for it.
#pragma once

#include "config/config.h"

namespace dfm::testing {

inline const KeyTable& small_table() {
  static const KeyTable table{{
                                  integer("train.steps", 100, "Steps").at_least(1).at_most(1000).in("steps"),
                                  integer("train.seed", {}, "Seed").at_least(0),
                                  real("optimizer.lr", 0.001, "Rate").above(0),
                                  real("optimizer.min_lr", {}, "Last rate"),
                                  flag("train.mock", false, "Made-up data"),
                                  text("save.path", "out", "Folder"),
                                  text("load.path", {}, "Folder to go on from"),
                                  texts("sample.prompts", "Prompts"),
                                  choice("train.shape", "cosine", {"cosine", "linear"}, "Shape"),
                              },
                              {{"train.iterations", "train.steps"},
                               {"steps", "train.steps"},
                               {"optim.learning_rate", "optimizer.lr"}}};
  return table;
}

// The table's configuration after these words, each "key=text".
inline Config config_with(const std::vector<std::string>& words) {
  Layer layer;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    layer.push_back({word.substr(0, equals), word.substr(equals + 1), "test"});
  }
  Config config(small_table());
  config.apply(layer);
  return config;
}

}  // namespace dfm::testing

// The tables that make up all_keys(), a function a section, a subject of one, or a program.
#pragma once

#include <vector>

#include "config/key.h"

namespace dfm::keys {

std::vector<Key> model_keys();
std::vector<Key> latent_keys();
std::vector<Key> expert_keys();
std::vector<Key> layout_keys();
std::vector<Key> diffusion_keys();
std::vector<Key> train_keys();
std::vector<Key> device_keys();
std::vector<Key> plan_keys();
std::vector<Key> observation_keys();
std::vector<Key> sharding_keys();
std::vector<Key> optimizer_keys();
std::vector<Key> checkpoint_keys();
std::vector<Key> dataset_keys();
std::vector<Key> data_reading_keys();
std::vector<Key> mock_keys();
std::vector<Key> encoder_keys();
std::vector<Key> prepare_keys();
std::vector<Key> index_keys();
std::vector<Key> stage_keys();
std::vector<Key> consolidate_keys();
std::vector<Key> sample_keys();

}  // namespace dfm::keys

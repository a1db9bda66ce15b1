// The first step of a layout of the table test: its trainer, the packs, and how many rows they hold.
#pragma once

#include <cstdint>
#include <memory>

#include "mpi/layout_rows.h"

namespace dfm::train {

inline std::unique_ptr<Trainer> started(const TrainerSettings& settings, const comm::GridGroups& groups) {
  auto made = std::make_unique<Trainer>(settings, groups, layout_reader(groups));
  made->begin_with(disturbed_values);
  return made;
}

inline std::unique_ptr<Trainer> trainer_of(const LayoutRow& row, const comm::GridGroups& groups) {
  return started(layout_settings(row), groups);
}

inline auto packs_of_first_step(const comm::GridGroups& groups) {
  return reader(tiny_source(), tiny_reader_settings(groups.data)).take(0).packs;
}

// As many as the rank with most packs makes.
inline std::int64_t passes_of_first_step(const comm::GridGroups& groups) {
  auto passes = static_cast<std::int64_t>(packs_of_first_step(groups).size());
  groups.data.all_reduce_max(std::span(&passes, 1));
  return passes;
}

// What the packs of this rank's replica hold in the first step, over the share of its context rank.
struct Rows {
  std::int64_t tokens = 0, own_tokens = 0, texts = 0;
  std::int64_t whole_tokens = 0;  // of all context ranks
};

inline Rows rows_of_first_step(const comm::GridGroups& groups) {
  const nn::SequenceCut cut = nn::model_parallel(groups).sequence_cut();
  Rows rows;
  for (const auto& pack : packs_of_first_step(groups)) {
    const nn::PackLayout layout = pack_tensors(pack, {}, tiny_model().patches).layout.share(cut);
    for (const std::int64_t count : layout.attention_counts()) rows.tokens += count;
    rows.own_tokens += layout.tokens();
    for (const std::int64_t count : layout.whole_counts()) rows.whole_tokens += count;
    rows.texts += layout.text_rows();
  }
  return rows;
}

inline std::uint64_t floats(std::int64_t count) { return 4 * static_cast<std::uint64_t>(count); }

}  // namespace dfm::train

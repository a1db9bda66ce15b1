// An export as far as it is known without writing: what goes where, and whether it can.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ckpt/export/export.h"
#include "ckpt/export/layout.h"
#include "ckpt/export/plan.h"

namespace dfm::ckpt {

struct Preparation {
  Plan plan;
  std::shared_ptr<const Source> converted;  // where the plan's tensors are not the source's own
  std::filesystem::path output;
  bool is_folder = false;
  std::string replaces;  // how the names of files begin that a new folder takes the place of; empty: of none
  std::optional<LayoutTarget> layout;  // of a dfm checkpoint
};

// Throws a usage error for what the source cannot give.
Preparation prepare(const Source& source, const ExportSettings& settings);

// Throws a usage error for an output that would take the place of something else.
void refuse_in_the_way(const Source& source, const Preparation& made);

// Throws a storage error when the disk is too full; returns what is free (0: the file system does not tell).
std::uint64_t require_space(const Preparation& made);

}  // namespace dfm::ckpt

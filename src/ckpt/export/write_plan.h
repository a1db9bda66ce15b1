// Writes a plan with all ranks at once: each copies an equal share of the bytes into their places, slice by
// slice.
#pragma once

#include <cstdint>
#include <filesystem>

#include "ckpt/export/plan.h"
#include "comm/group.h"
#include "core/progress.h"

namespace dfm::ckpt {

// Where an output is made before it has its name. Gone with everything in it unless it is committed.
class Staging {
 public:
  // Collective.
  Staging(const comm::Group& world, std::filesystem::path output, bool is_folder);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  std::filesystem::path path_of(const PlannedFile& file) const;
  const std::filesystem::path& path() const { return path_; }

  // Collective. Gives the output its name; what had the name before is gone only then.
  void commit();

 private:
  void put_in_place() const;

  const comm::Group& world_;
  std::filesystem::path output_, path_;
  bool is_folder_;
  bool is_committed_ = false;
};

struct WriteSettings {
  std::uint64_t slice_bytes = 1U << 20U;
  ProgressStyle progress = ProgressStyle::silent;
};

// Collective. The files are whole and durable when it returns true; false: asked to stop. Checksums of the
// source are compared on the way, a data error where they differ.
bool write_plan(const comm::Group& world, Plan plan, const Staging& staging, const WriteSettings& settings);

}  // namespace dfm::ckpt

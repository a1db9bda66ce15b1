// Copies one rank's share of a plan: reads elements in slices, converts them, and writes them into their
// places.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ckpt/export/copied.h"
#include "ckpt/export/write_plan.h"
#include "core/file.h"
#include "core/progress.h"

namespace dfm::ckpt {

// A rank's share of the bytes of all places.
struct Share {
  std::uint64_t begin, end;
};

Share share_of(std::uint64_t total, int rank, int ranks);

class ShareCopier {
 public:
  ShareCopier(const Plan& plan, const Staging& staging, const WriteSettings& settings, Share share);

  // What is copied is durable when it returns true; false: asked to stop.
  bool run();

  const std::vector<Copied>& copied() const { return copied_; }

 private:
  bool copy_place(std::size_t index, std::uint64_t at);
  void copy_slice(const Place& place, std::int64_t begin, std::int64_t count, Copied& copied);
  void write(std::span<const std::byte> bytes, std::uint64_t offset);
  void note_progress(std::uint64_t bytes);
  void use_file(std::size_t index);
  void finish_file();

  const Plan& plan_;
  const Staging& staging_;
  const WriteSettings& settings_;
  Share share_;
  Progress progress_;
  std::uint64_t unreported_bytes_ = 0;
  std::uint64_t unstarted_from_ = 0, unstarted_bytes_ = 0;  // written, but not yet on its way to the disk
  std::vector<Copied> copied_;
  std::vector<std::byte> read_, converted_;
  std::optional<File> file_;
  std::size_t file_index_ = 0;
};

}  // namespace dfm::ckpt

// Lets the system read what a start is about to load while the program still starts: this rank's file of the
// newest checkpoint, on the node's own disk or in the shared folder, comes into the page cache beside the
// libraries and MPI.
//
//   const ReadAhead ahead({root, local}, rank);   // ends with its scope
//
// Only a hint: what fails here is met, and told, by the loading itself. It ends where less than half of the
// node's memory would stay available.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <thread>

namespace dfm::ckpt {

struct CheckpointPlaces {
  std::filesystem::path shared;
  std::optional<std::filesystem::path> local;  // where this node's own disk has those of runs
};

// This rank's file of the newest checkpoint that is announced or lies on this node; empty: there is none.
std::filesystem::path newest_own_file(const CheckpointPlaces& places, std::int64_t rank);

class ReadAhead {
 public:
  ReadAhead(CheckpointPlaces places, std::int64_t rank);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

 private:
  void run() const;

  CheckpointPlaces places_;
  std::int64_t rank_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace dfm::ckpt

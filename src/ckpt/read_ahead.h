// Lets the system read what a start is about to load while the program still starts: this rank's file of the
// newest checkpoint comes into the page cache beside the libraries and MPI.
//
//   const ReadAhead ahead(root, rank);   // ends with its scope
//
// Only a hint: what fails here is met, and told, by the loading itself. It ends where less than half of the
// node's memory would stay available.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <thread>

namespace dfm::ckpt {

class ReadAhead {
 public:
  ReadAhead(std::filesystem::path root, std::int64_t rank);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

 private:
  void run() const;

  std::filesystem::path root_;
  std::int64_t rank_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace dfm::ckpt

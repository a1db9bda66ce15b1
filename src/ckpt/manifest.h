// The manifest of a checkpoint: written last, it makes the folder a checkpoint. It lists the files with sizes
// and checksums, and carries what a restart and an export need beside the tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dfm::ckpt {

struct FileRecord {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string xxh3;  // 16 hexadecimal digits
  // The first bytes, which describe the rest, have a checksum of their own: it is looked at before they are
  // trusted. 0 where it is not known.
  std::uint64_t head_bytes = 0;
  std::string head_xxh3 = {};
};

// The dimensions of the run that saved (model.*_parallel_size).
struct SavedGrid {
  std::int64_t tensor = 1, context = 1, data = 1, pipeline = 1;
};

struct Manifest {
  std::int64_t step = 0;
  std::int64_t consumed_samples = 0;
  std::int64_t ranks = 1;
  double seconds_trained = 0;
  SavedGrid grid;
  std::string saved_at;            // UTC, ISO 8601
  std::string reason;              // "interval", "stop", "final", ...
  std::string tier = "shared";     // or "local": the nodes hold a part of the files each
  std::int64_t shared_step = 0;    // of the newest checkpoint in the shared tier when this one was begun
  std::vector<std::string> hosts;  // each once, in rank order
  std::string data_fingerprint;
  std::vector<std::string> bad_samples;       // what could not be read, in words
  std::vector<std::int64_t> quarantine;       // numbers of those samples in the data set
  std::map<std::string, std::string> config;  // every key, as text
  std::vector<FileRecord> files;

  std::uint64_t size_bytes() const;  // of all files
};

inline constexpr const char* kManifestName = "manifest.json";

// The JSON text, with a checksum of itself.
std::string to_text(const Manifest& manifest);

// Throw a data error for a manifest that is damaged or of another format version; path is for the message.
Manifest manifest_from_text(const std::string& text, const std::filesystem::path& path);
Manifest read_manifest(const std::filesystem::path& checkpoint_folder);

}  // namespace dfm::ckpt

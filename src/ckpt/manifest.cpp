#include "ckpt/manifest.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

namespace dfm::ckpt {
namespace {

constexpr int kFormatVersion = 1;

Json files_to_json(const std::vector<FileRecord>& files) {
  Json list = Json::array();
  for (const FileRecord& file : files) {
    list.push_back({{"name", file.name},
                    {"bytes", file.size_bytes},
                    {"xxh3", file.xxh3},
                    {"head_bytes", file.head_bytes},
                    {"head_xxh3", file.head_xxh3}});
  }
  return list;
}

Json to_json(const Manifest& manifest) {
  return {{"format", kFormatVersion},
          {"step", manifest.step},
          {"consumed_samples", manifest.consumed_samples},
          {"ranks", manifest.ranks},
          {"seconds_trained", manifest.seconds_trained},
          {"grid",
           {{"tensor", manifest.grid.tensor},
            {"context", manifest.grid.context},
            {"data", manifest.grid.data},
            {"pipeline", manifest.grid.pipeline}}},
          {"saved_at", manifest.saved_at},
          {"reason", manifest.reason},
          {"tier", manifest.tier},
          {"shared_step", manifest.shared_step},
          {"hosts", manifest.hosts},
          {"data_fingerprint", manifest.data_fingerprint},
          {"bad_samples", manifest.bad_samples},
          {"quarantine", manifest.quarantine},
          {"config", manifest.config},
          {"files", files_to_json(manifest.files)}};
}

// Texts of the configuration may be paths that are not UTF-8, which JSON cannot hold: they are replaced
// there.
std::string checksum(const Json& body) {
  return hex(hash64(body.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

// A name that stays inside the checkpoint's folder.
std::string plain_file_name(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw data_error(fmt::format("it lists a file '{}' outside its folder", name));
  }
  return name;
}

SavedGrid grid_from_json(const Json& grid) {
  return {grid.at("tensor"), grid.at("context"), grid.at("data"), grid.at("pipeline")};
}

FileRecord file_from_json(const Json& file) {
  return {plain_file_name(file.at("name")), file.at("bytes"), file.at("xxh3"), file.at("head_bytes"),
          file.at("head_xxh3")};
}

Manifest from_json(const Json& json) {
  if (json.at("format") != kFormatVersion) {
    throw data_error(fmt::format("it has format version {}, this program reads {}", json.at("format").dump(),
                                 kFormatVersion));
  }
  Manifest manifest;
  json.at("step").get_to(manifest.step);
  json.at("consumed_samples").get_to(manifest.consumed_samples);
  json.at("ranks").get_to(manifest.ranks);
  json.at("seconds_trained").get_to(manifest.seconds_trained);
  manifest.grid = grid_from_json(json.at("grid"));
  json.at("saved_at").get_to(manifest.saved_at);
  json.at("reason").get_to(manifest.reason);
  json.at("tier").get_to(manifest.tier);
  json.at("shared_step").get_to(manifest.shared_step);
  json.at("hosts").get_to(manifest.hosts);
  json.at("data_fingerprint").get_to(manifest.data_fingerprint);
  json.at("bad_samples").get_to(manifest.bad_samples);
  json.at("quarantine").get_to(manifest.quarantine);
  json.at("config").get_to(manifest.config);
  for (const Json& file : json.at("files")) manifest.files.push_back(file_from_json(file));
  return manifest;
}

}  // namespace

std::uint64_t Manifest::size_bytes() const {
  std::uint64_t total = 0;
  for (const FileRecord& file : files) total += file.size_bytes;
  return total;
}

std::string to_text(const Manifest& manifest) {
  const Json body = to_json(manifest);
  const Json whole = {{"checkpoint", body}, {"xxh3", checksum(body)}};
  return whole.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest manifest_from_text(const std::string& text, const std::filesystem::path& path) {
  const Json whole = parse_json(text, path.native());
  try {
    const Json& body = whole.at("checkpoint");
    if (whole.at("xxh3") != checksum(body)) throw data_error("its checksum does not fit its content");
    return from_json(body);
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{} is damaged: {}", path.native(), error.what()));
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", path.native(), error.what()), error.hint());
  }
}

Manifest read_manifest(const std::filesystem::path& checkpoint_folder) {
  const auto path = checkpoint_folder / kManifestName;
  return manifest_from_text(read_text(path), path);
}

}  // namespace dfm::ckpt

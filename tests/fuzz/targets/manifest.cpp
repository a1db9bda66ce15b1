// The manifest of a checkpoint, with its checksum mended.
#include "ckpt/manifest.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "fuzz/fuzz.h"

namespace {

std::string with_checksum(std::string_view text) {
  try {
    dfm::Json whole = dfm::parse_json(text, "fuzz");
    whole["xxh3"] = dfm::hex(
        dfm::hash64(whole.at("checkpoint").dump(-1, ' ', false, dfm::Json::error_handler_t::replace)));
    return whole.dump();
  } catch (const std::exception&) {
    return std::string(text);
  }
}

}  // namespace

FUZZ_TARGET(manifest) {
  dfm::fuzz::write_input(dfm::ckpt::kManifestName, with_checksum(dfm::fuzz::text_of(input)));
  const dfm::ckpt::Manifest manifest = dfm::ckpt::read_manifest(dfm::fuzz::folder().path());
  dfm::ckpt::to_text(manifest);
}

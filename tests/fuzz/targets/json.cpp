// JSON of any shape, and written again.
#include "core/json.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(json) {
  const dfm::Json json = dfm::parse_json(dfm::fuzz::text_of(input), "fuzz");
  dfm::ensure(dfm::parse_json(json.dump(), "fuzz") == json, "JSON survives a round trip");
}

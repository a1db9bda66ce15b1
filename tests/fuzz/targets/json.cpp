// JSON of any shape, and written again; and as Python writes it.
#include "core/json.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/python_json.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(json) {
  const dfm::Json json = dfm::parse_json(dfm::fuzz::text_of(input), "fuzz");
  dfm::ensure(dfm::parse_json(json.dump(), "fuzz") == json, "JSON survives a round trip");
}

FUZZ_TARGET(python_json) {
  const std::string_view text = dfm::fuzz::text_of(input);
  const dfm::Json json = dfm::parse_python_json(text, "fuzz");
  dfm::ensure(dfm::parse_python_json(json.dump(), "fuzz") == json, "JSON survives a round trip");
}

// Brace expressions; what they expand to must survive being collapsed again.
#include "core/error.h"
#include "data/energon/brace_expression.h"
#include "fuzz/fuzz.h"

FUZZ_TARGET(braces) {
  using namespace dfm::data;
  const auto names = expand_braces(dfm::fuzz::text_of(input));
  if (names.size() > 10'000) return;
  for (const std::string& name : names) {
    if (name.find_first_of("{}\\") != std::string::npos) return;  // no shard of an index is called so
  }
  std::vector<std::string> again;
  for (const std::string& expression : collapse_braces(names)) {
    for (std::string& name : expand_braces(expression)) again.push_back(std::move(name));
  }
  dfm::ensure(again == names, "names survive a round trip");
}

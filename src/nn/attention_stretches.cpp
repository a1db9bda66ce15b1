#include "nn/attention_stretches.h"

namespace dfm::nn {

std::vector<Stretch> stretches(const std::vector<std::int64_t>& query_counts,
                               const std::vector<std::int64_t>& key_counts) {
  std::vector<Stretch> found;
  std::int64_t query = 0, key = 0;
  bool goes_on = false;
  for (std::size_t i = 0; i < query_counts.size(); ++i) {
    const std::int64_t queries = query_counts[i], keys = key_counts[i];
    const bool takes_part = queries > 0 && keys > 0;
    if (takes_part && !goes_on) found.push_back({query, 0, key, 0, {}});
    if (takes_part) {
      Stretch& last = found.back();
      last.query_rows += queries;
      last.key_rows += keys;
      last.lengths.queries.push_back(queries);
      last.lengths.keys.push_back(keys);
    }
    goes_on = takes_part;
    query += queries;
    key += keys;
  }
  return found;
}

}  // namespace dfm::nn

#include "train/bad_samples.h"

#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "core/json.h"
#include "core/log.h"

namespace dfm::train {
namespace {

// Texts may hold names of files that are not UTF-8, which JSON cannot: they are replaced there.
std::string as_text(const std::vector<data::BadSample>& samples) {
  Json list = Json::array();
  for (const data::BadSample& bad : samples) list.push_back({bad.number, bad.problem});
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void BadSamples::note(const data::StepBatch& batch, data::PrefetchingReader& reader) {
  for (const data::BadSample& bad : batch.bad) log::warn("left out: {}", bad.problem);
  std::vector<std::int64_t> samples;
  for (const std::string& text : group_.all_gather_text(as_text(batch.bad))) {
    for (const Json& bad : parse_json(text, "the bad samples of a rank")) {
      const std::int64_t sample = bad.at(0);
      // A step may hold a sample of a small blend twice.
      if (std::ranges::find(samples, sample) != samples.end()) continue;
      samples.push_back(sample);
      problems_.push_back(bad.at(1));
    }
  }
  reader.leave_out(samples);
  if (static_cast<std::int64_t>(problems_.size()) <= most_) return;
  throw comm::AgreedError(
      ExitCode::data, problems_.back(),
      fmt::format("mend the data, or allow more bad samples than dataset.max_bad_samples={}", most_));
}

void BadSamples::restore(const ckpt::Manifest& manifest, data::PrefetchingReader& reader) {
  problems_ = manifest.bad_samples;
  if (manifest.data_fingerprint == reader.fingerprint()) reader.leave_out(manifest.quarantine);
}

}  // namespace dfm::train

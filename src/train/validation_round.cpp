#include "train/validation_round.h"

#include <algorithm>
#include <span>

namespace dfm::train {

std::int64_t latent_edge(const data::SampleSource* source) {
  constexpr std::int64_t kLeast = 2;
  return source == nullptr ? kLeast : std::max<std::int64_t>(source->shape(0).width, kLeast);
}

ValidationRound::ValidationRound(const Config& config, const Trainer& trainer, const comm::GridGroups& groups,
                                 const data::SampleSource* source, RunLog* log)
    : trainer_(trainer),
      groups_(groups),
      source_(source),
      log_(log),
      validation_(validation_settings(config)),
      pictures_(source == nullptr ? PictureSettings{}
                                  : picture_settings(config, latent_edge(source), groups.all,
                                                     trainer.parameters().device())),
      objective_(noise_settings(config).objective) {}

void ValidationRound::operator()(std::int64_t step) const {
  if (source_ == nullptr) return;
  const auto result = validate(trainer_.network(), *source_, validation_, objective_, groups_);
  const auto drawn = draw_pictures(trainer_.network(), pictures_, groups_);
  if (log_ == nullptr) return;
  log_->validation(step, result);
  log_->pictures(step, drawn);
}

bool ValidationRound::is_missing(std::int64_t step) const {
  std::int32_t missing = source_ != nullptr && log_ != nullptr && !log_->has_validation(step) ? 1 : 0;
  groups_.all.all_reduce_max(std::span(&missing, 1));
  return missing != 0;
}

}  // namespace dfm::train

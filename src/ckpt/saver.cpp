#include "ckpt/saver.h"

#include <algorithm>
#include <ctime>
#include <sstream>

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/system_error.h"
#include "core/units.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What those who commit must know of every rank.
std::string to_line(const FileRecord& file) {
  return fmt::format("{} {} {} {} {} {}", file.size_bytes, file.xxh3, file.head_bytes, file.head_xxh3,
                     file.name, comm::host_name());
}

void add_line(Manifest& manifest, const std::string& line) {
  std::istringstream fields(line);
  FileRecord file;
  std::string host;
  fields >> file.size_bytes >> file.xxh3 >> file.head_bytes >> file.head_xxh3 >> file.name >> host;
  manifest.files.push_back(std::move(file));
  if (std::ranges::find(manifest.hosts, host) == manifest.hosts.end()) manifest.hosts.push_back(host);
}

// The new checkpoint is there, whatever becomes of the old ones.
void tidy_quietly(const std::function<void(std::int64_t)>& tidy, std::int64_t step) {
  try {
    tidy(step);
  } catch (...) {
    log::warn("cannot remove old checkpoints: {}", to_error(std::current_exception()).what());
  }
}

// What the calling thread goes on with is beside the steps of training, which must not wait for it where
// processors are scarce. Linux keeps a niceness a thread; without it, saving is just less modest.
void give_way_to_training() {
  static constexpr int kMoreNiceness = 10;
  const auto thread = static_cast<id_t>(::gettid());
  ::setpriority(PRIO_PROCESS, thread, ::getpriority(PRIO_PROCESS, thread) + kMoreNiceness);
}

template <class Result>
bool has_result(const std::future<Result>& future) {
  return !future.valid() || future.wait_for(std::chrono::seconds(0)) != std::future_status::timeout;
}

}  // namespace

Saver::~Saver() {
  if (!save_) return;
  if (save_->written.valid()) save_->written.wait();
  if (save_->committed.valid()) save_->committed.wait();
}

Saver::Save Saver::save_of(const Tier& tier, Manifest manifest) {
  Save save;
  save.tier = tier;
  save.manifest = std::move(manifest);
  save.manifest.tier = tier.name;
  return save;
}

FileRecord Saver::write_own_file(const fs::path& folder, const std::vector<Piece>& pieces) const {
  return with_retries([&] {
    make_folder(folder);
    return write_pieces(folder / rank_file_name(world_.rank()), pieces);
  });
}

void Saver::start_writing(Save& save, const std::vector<Piece>& pieces) {
  auto copied = std::make_shared<std::promise<void>>();
  save.copied = copied->get_future().share();
  const fs::path folder = staging_folder(save.tier.root, save.manifest.step);
  save.written = std::async(std::launch::async, [this, pieces, copied, folder]() mutable {
    const auto promise = std::move(copied);  // gone, and with it the waiting, if the copy fails
    const std::vector<Piece> copies = snapshot_.take(pieces);
    promise->set_value();
    give_way_to_training();
    return write_own_file(folder, copies);
  });
}

std::optional<Saved> Saver::begin(const Tier& tier, Manifest manifest, const std::vector<Piece>& pieces) {
  if (!async_) return save_now(tier, std::move(manifest), pieces);
  const auto start = Clock::now();
  auto earlier = finish();
  save_ = save_of(tier, std::move(manifest));
  start_writing(*save_, pieces);
  save_->seconds_blocked = seconds_since(start);
  return earlier;
}

void Saver::wait_for_copy() {
  if (!save_ || !save_->copied.valid()) return;
  const auto start = Clock::now();
  save_->copied.wait();
  save_->copied = {};
  save_->seconds_blocked += seconds_since(start);
}

bool Saver::is_ready() const {
  return !save_ || (has_result(save_->written) && has_result(save_->committed));
}

// An error of any rank ends the save: nothing of it stays.
template <class Body>
auto Saver::agreed_or_given_up(Body&& body) {
  try {
    return comm::agreed(world_, std::forward<Body>(body));
  } catch (...) {
    std::error_code ignored;
    if (save_->tier.commit) fs::remove_all(staging_folder(save_->tier.root, save_->manifest.step), ignored);
    save_.reset();
    throw;
  }
}

// The same text on all ranks, since several may write it.
void Saver::complete_manifest(const FileRecord& mine) {
  Manifest& manifest = save_->manifest;
  manifest.ranks = world_.size();
  manifest.saved_at = world_.broadcast_text(format_utc(std::time(nullptr)), 0);
  world_.broadcast(std::as_writable_bytes(std::span(&manifest.seconds_trained, 1)), 0);
  for (const std::string& line : world_.all_gather_text(to_line(mine))) add_line(manifest, line);
}

void Saver::gather_and_commit() {
  complete_manifest(agreed_or_given_up([&] { return save_->written.get(); }));
  if (!save_->tier.commit) return;
  save_->committed = std::async(std::launch::async, [this] {
    save_->tier.commit(save_->manifest);
    return Clock::now();
  });
}

Saved Saver::take_committed() {
  const Clock::time_point durable =
      agreed_or_given_up([&] { return save_->committed.valid() ? save_->committed.get() : Clock::now(); });
  const Manifest& manifest = save_->manifest;
  Saved saved{.tier = save_->tier.name,
              .folder = checkpoint_folder(save_->tier.root, manifest.step),
              .step = manifest.step,
              .reason = manifest.reason,
              .bytes = manifest.size_bytes(),
              .seconds_blocked = save_->seconds_blocked,
              .seconds_written = std::chrono::duration<double>(durable - save_->begun).count()};
  if (save_->tier.tidy) {
    tidied_ = std::async(std::launch::async,
                         [tidy = save_->tier.tidy, step = manifest.step] { tidy_quietly(tidy, step); });
  }
  save_.reset();
  return saved;
}

std::optional<Saved> Saver::advance() {
  if (!save_) return std::nullopt;
  const auto start = Clock::now();
  wait_for_copy();
  if (!save_->written.valid()) return take_committed();
  gather_and_commit();
  save_->seconds_blocked += seconds_since(start);
  return std::nullopt;
}

std::optional<Saved> Saver::finish() {
  std::optional<Saved> saved;
  while (save_) saved = advance();
  if (tidied_.valid()) tidied_.get();
  return saved;
}

Saved Saver::save_now(const Tier& tier, Manifest manifest, const std::vector<Piece>& pieces) {
  ensure(!save_, "save_now: another save is in flight");
  const auto start = Clock::now();
  save_ = save_of(tier, std::move(manifest));
  save_->written = std::async(std::launch::deferred, [this, &pieces] {
    return write_own_file(staging_folder(save_->tier.root, save_->manifest.step),
                          snapshot_.brought_here(pieces));
  });
  Saved saved = finish().value();
  saved.seconds_blocked = seconds_since(start);
  return saved;
}

}  // namespace dfm::ckpt

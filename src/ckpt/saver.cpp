#include "ckpt/saver.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <sstream>

#include <fmt/core.h>

#include "ckpt/checkpoint.h"
#include "ckpt/commit.h"
#include "comm/agree.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/system_error.h"

namespace dfm::ckpt {
namespace fs = std::filesystem;
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

// What rank 0 must know of every rank.
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

template <class Result>
bool has_result(const std::future<Result>& future) {
  return !future.valid() || future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

Saver::~Saver() {
  if (!save_) return;
  if (save_->written.valid()) save_->written.wait();
  if (save_->committed.valid()) save_->committed.wait();
}

FileRecord Saver::write_own_file(std::int64_t step, const std::vector<Piece>& pieces) const {
  const fs::path folder = staging_folder(settings_.root, step);
  return with_retries([&] {
    make_folder(folder);
    return write_pieces(folder / fmt::format("rank_{:05}.h5", world_.rank()), pieces);
  });
}

void Saver::start_writing(Save& save, const std::vector<Piece>& pieces) {
  auto copied = std::make_shared<std::promise<void>>();
  save.copied = copied->get_future().share();
  save.written = std::async(std::launch::async, [this, pieces, copied, step = save.manifest.step]() mutable {
    const auto promise = std::move(copied);  // gone, and with it the waiting, if the copy fails
    const std::vector<Piece> copies = snapshot_.take(pieces);
    promise->set_value();
    return write_own_file(step, copies);
  });
}

std::optional<Saved> Saver::begin(Manifest manifest, const std::vector<Piece>& pieces) {
  if (!settings_.async) return save_now(std::move(manifest), pieces);
  const auto start = Clock::now();
  auto earlier = finish();
  save_.emplace(Save{});
  save_->manifest = std::move(manifest);
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
    if (world_.rank() == 0) fs::remove_all(staging_folder(settings_.root, save_->manifest.step), ignored);
    save_.reset();
    throw;
  }
}

void Saver::gather_and_commit() {
  const FileRecord mine = agreed_or_given_up([&] { return save_->written.get(); });
  Manifest& manifest = save_->manifest;
  manifest.ranks = world_.size();
  manifest.saved_at = now_as_text();
  for (const std::string& line : world_.all_gather_text(to_line(mine))) add_line(manifest, line);
  if (world_.rank() != 0) return;
  save_->committed = std::async(std::launch::async, [this] {
    commit(settings_.root, save_->manifest);
    const auto durable = Clock::now();
    prune_checkpoints(settings_.root, settings_.retention);
    return durable;
  });
}

Saved Saver::take_committed() {
  const Clock::time_point durable =
      agreed_or_given_up([&] { return save_->committed.valid() ? save_->committed.get() : Clock::now(); });
  const Manifest& manifest = save_->manifest;
  Saved saved{.folder = checkpoint_folder(settings_.root, manifest.step),
              .step = manifest.step,
              .reason = manifest.reason,
              .bytes = manifest.size_bytes(),
              .seconds_blocked = save_->seconds_blocked,
              .seconds_written = std::chrono::duration<double>(durable - save_->begun).count()};
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
  return saved;
}

Saved Saver::save_now(Manifest manifest, const std::vector<Piece>& pieces) {
  ensure(!save_, "save_now: another save is in flight");
  const auto start = Clock::now();
  save_.emplace(Save{});
  save_->manifest = std::move(manifest);
  save_->written = std::async(std::launch::deferred,
                              [this, &pieces] { return write_own_file(save_->manifest.step, pieces); });
  Saved saved = finish().value();
  saved.seconds_blocked = seconds_since(start);
  return saved;
}

}  // namespace dfm::ckpt

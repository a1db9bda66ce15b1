// Saves checkpoints while training goes on.
//
//   Saver saver(world, settings);
//   saver.begin(manifest, pieces);          // collective; returns at once
//   ... forward, backward ...
//   saver.wait_for_copy();                  // before anything changes what the pieces show
//   if (ALL RANKS is_ready()) saver.advance();   // collective; at later step boundaries
//   saver.save_now(manifest, pieces);       // collective; waits until it is durable
//
// A thread copies the pieces to memory that is kept for this, writes the rank's file from there and computes
// its checksums. Once every rank is ready, the records are gathered and a thread of the ranks that commit
// (ckpt/tier.h) makes a checkpoint of the files; when all of them have, older ones are removed. An error of
// any thread is thrown by advance() on all ranks. One save is in flight at a time, whatever its tier: a new
// one waits for it.
#pragma once

#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "ckpt/manifest.h"
#include "ckpt/pieces.h"
#include "ckpt/retention.h"
#include "ckpt/snapshot.h"
#include "ckpt/tier.h"
#include "comm/group.h"

namespace dfm::ckpt {

struct SaverSettings {
  std::filesystem::path root;
  Retention retention;
  bool async = true;  // else begin() returns when the checkpoint is durable
};

// A committed checkpoint and what it cost.
struct Saved {
  std::string tier;
  std::filesystem::path folder;
  std::int64_t step = 0;
  std::string reason;
  std::uint64_t bytes = 0;     // of all ranks
  double seconds_blocked = 0;  // that this rank could not train
  double seconds_written = 0;  // from begin until it was durable
};

class Saver {
 public:
  // Into the shared tier alone.
  Saver(const comm::Group& world, const SaverSettings& settings)
      : Saver(world, shared_tier(world, settings.root, settings.retention), settings.async) {}
  // main: the tier that is meant where none is given.
  Saver(const comm::Group& world, Tier main, bool async)
      : world_(world), main_(std::move(main)), async_(async) {}
  Saver(const Saver&) = delete;  // threads refer to it
  Saver& operator=(const Saver&) = delete;
  ~Saver();  // waits for the threads

  // Collective. The manifest's files, ranks, hosts and time are filled in here. Pieces must show the same
  // values until wait_for_copy() has returned.
  std::optional<Saved> begin(Manifest manifest, const std::vector<Piece>& pieces) {
    return begin(main_, std::move(manifest), pieces);
  }
  std::optional<Saved> begin(const Tier& tier, Manifest manifest, const std::vector<Piece>& pieces);
  void wait_for_copy();

  bool in_flight() const { return save_.has_value(); }
  // Empty: none is in flight.
  std::string tier_in_flight() const { return save_ ? save_->tier.name : ""; }
  // Whether advance() would not wait for this rank.
  bool is_ready() const;
  // Collective. Goes on to the next phase of the save in flight; returns it when it is committed.
  std::optional<Saved> advance();
  // Collective. Waits until no save is in flight, and until this rank has removed what need not be kept.
  std::optional<Saved> finish();

  // Collective. Finishes what is in flight, then saves without a copy. All ranks throw the same error when
  // any of them fails; nothing is announced then, and earlier checkpoints are untouched.
  Saved save_now(Manifest manifest, const std::vector<Piece>& pieces) {
    return save_now(main_, std::move(manifest), pieces);
  }
  Saved save_now(const Tier& tier, Manifest manifest, const std::vector<Piece>& pieces);

 private:
  using Clock = std::chrono::steady_clock;

  struct Save {
    Tier tier;
    Manifest manifest;
    Clock::time_point begun = Clock::now();
    double seconds_blocked = 0;
    std::shared_future<void> copied;
    std::future<FileRecord> written;           // first phase: every rank
    std::future<Clock::time_point> committed;  // second phase: those that commit
  };

  static Save save_of(const Tier& tier, Manifest manifest);
  FileRecord write_own_file(const std::filesystem::path& folder, const std::vector<Piece>& pieces) const;
  void start_writing(Save& save, const std::vector<Piece>& pieces);
  void complete_manifest(const FileRecord& mine);
  void gather_and_commit();
  Saved take_committed();
  template <class Body>
  auto agreed_or_given_up(Body&& body);

  const comm::Group& world_;
  Tier main_;
  bool async_ = true;
  Snapshot snapshot_;
  std::optional<Save> save_;
  std::future<void> tidied_;  // after the last save
};

}  // namespace dfm::ckpt

#include "stage/transfer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "core/error.h"
#include "stage/source_stream.h"

namespace dfm::stage {
namespace {

// A piece as it travels: whether the reader could read it, then its bytes.
constexpr std::size_t kFlagBytes = sizeof(std::int64_t);

using Problem = std::optional<Error>;

template <class Body>
Problem problem_of(Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (...) {
    return to_error(std::current_exception());
  }
}

// Collective. The root's problem, on every node.
Problem broadcast_problem(const comm::Group& group, const Problem& problem, int root) {
  auto kind = static_cast<std::int64_t>(problem ? problem->kind() : ExitCode::done);
  group.broadcast(std::as_writable_bytes(std::span(&kind, 1)), root);
  if (kind == static_cast<std::int64_t>(ExitCode::done)) return std::nullopt;
  const std::string message = group.broadcast_text(problem ? problem->what() : "", root);
  return Error(static_cast<ExitCode>(kind), message,
               group.broadcast_text(problem ? problem->hint() : "", root));
}

// One file of a batch, on one node.
class Lane {
 public:
  Lane(const TransferContext& context, const Transfer& transfer, bool keeps)
      : context_(context), file_(context.files[transfer.file]), transfer_(transfer) {
    if (keeps) write_guarded([&] { copy_ = std::make_unique<IncomingFile>(context_.folder, file_); });
    if (!reads()) return;
    source_problem_ = problem_of([&] { stream_.emplace(file_, context_.piece_bytes); });
  }

  std::size_t file() const { return transfer_.file; }
  std::size_t pieces() const {
    return static_cast<std::size_t>((file_.size_bytes + context_.piece_bytes - 1) / context_.piece_bytes);
  }
  bool keeps() const { return copy_ != nullptr; }

  // Collective.
  void move_piece(std::size_t index, Traffic& traffic) {
    if (lost_) return;
    const std::uint64_t offset = index * context_.piece_bytes;
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(context_.piece_bytes, file_.size_bytes - offset));
    std::vector<std::byte> message(kFlagBytes + size);
    if (reads()) fill(message, traffic);
    context_.leaders.broadcast(message, transfer_.reader);
    std::int64_t readable = 0;
    std::memcpy(&readable, message.data(), kFlagBytes);
    lost_ = readable == 0;
    if (lost_ || !copy_) return;
    write_guarded([&] { copy_->append(std::span(message).subspan(kFlagBytes)); });
    if (copy_) traffic.written_bytes += size;
  }

  // Collective. Adds to the result what became of the file.
  void finish(BatchResult& result) {
    std::uint64_t hash = 0;
    if (reads() && !source_problem_) source_problem_ = problem_of([&] { hash = stream_->finish(); });
    source_problem_ = broadcast_problem(context_.leaders, source_problem_, transfer_.reader);
    context_.leaders.broadcast(std::as_writable_bytes(std::span(&hash, 1)), transfer_.reader);
    if (!source_problem_ && copy_) {
      write_guarded([&] {
        copy_->commit(hash);
        result.kept.push_back(transfer_.file);
      });
    }
    copy_.reset();
    if (source_problem_) result.problems.push_back(*source_problem_);
    if (scratch_problem_) result.problems.push_back(*scratch_problem_);
  }

 private:
  bool reads() const { return context_.leaders.rank() == transfer_.reader; }

  // The first trouble with scratch ends this node's copy.
  template <class Body>
  void write_guarded(Body&& body) {
    scratch_problem_ = problem_of(std::forward<Body>(body));
    if (scratch_problem_) copy_.reset();
  }

  void fill(std::span<std::byte> message, Traffic& traffic) {
    std::int64_t readable = 0;
    if (!source_problem_) {
      source_problem_ = problem_of([&] {
        const std::vector<std::byte> piece = stream_->next();
        ensure(piece.size() == message.size() - kFlagBytes, "a piece has another size than announced");
        std::memcpy(message.data() + kFlagBytes, piece.data(), piece.size());
        traffic.read_bytes += piece.size();
        readable = 1;
      });
    }
    std::memcpy(message.data(), &readable, kFlagBytes);
  }

  const TransferContext& context_;
  const StageFile& file_;
  Transfer transfer_;
  std::optional<SourceStream> stream_;  // on the node that reads
  std::unique_ptr<IncomingFile> copy_;  // where it is kept
  Problem source_problem_, scratch_problem_;
  bool lost_ = false;  // the source cannot be read: known to all nodes
};

// Collective. {is any node asked to stop, does any node still keep one of the files}
std::pair<bool, bool> agree(const TransferContext& context, const std::vector<std::unique_ptr<Lane>>& lanes) {
  const bool keeps = std::ranges::any_of(lanes, [](const auto& lane) { return lane->keeps(); });
  std::int32_t flags[] = {context.stop_requested() ? 1 : 0, keeps ? 1 : 0};
  context.leaders.all_reduce_max(std::span<std::int32_t>(flags));
  return {flags[0] != 0, flags[1] != 0};
}

}  // namespace

BatchResult transfer_batch(const TransferContext& context, const std::vector<Transfer>& batch,
                           const std::vector<bool>& keeps) {
  BatchResult result;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::size_t rounds = 0;
  for (const Transfer& transfer : batch) {
    lanes.push_back(std::make_unique<Lane>(context, transfer, keeps[transfer.file]));
    rounds = std::max(rounds, lanes.back()->pieces());
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto [stop, kept] = agree(context, lanes);
    result.stopped = stop;
    if (stop) return result;
    if (!kept) break;
    for (const auto& lane : lanes) {
      if (round < lane->pieces()) lane->move_piece(round, result.traffic);
    }
  }
  for (const auto& lane : lanes) lane->finish(result);
  return result;
}

}  // namespace dfm::stage

#include "data/loader/prefetching_reader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm::data {
namespace {

// Small samples are handed out many at a time.
constexpr std::size_t kMostAtATime = 64;

// A step that is being read.
struct Step {
  explicit Step(std::int64_t first) : first_position(first) {}

  std::int64_t first_position;
  bool is_planned = false;
  PlannedStep plan;
  std::vector<std::size_t> order;  // of reading: as the samples lie in the shards
  std::vector<ReadSample> samples;
  std::size_t begun = 0, done = 0;
  std::exception_ptr failure;

  bool has_work() const { return is_planned && failure == nullptr && begun < order.size(); }
  bool is_complete() const { return failure != nullptr || (is_planned && done == order.size()); }
};

std::vector<std::size_t> order_of_reading(const PlannedStep& plan) {
  std::vector<std::size_t> order(plan.samples.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::size_t i) { return plan.samples[i].number; });
  return order;
}

}  // namespace

class PrefetchingReader::Pool {
 public:
  Pool(StepReader reader, ReadAhead ahead) : reader_(std::move(reader)), ahead_(ahead) {
    try {
      for (std::size_t i = 0; i < ahead.threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      const std::size_t started = threads_.size();
      end_threads();
      throw usage_error(fmt::format("dataset.num_workers = {}: after {} threads of a rank: {}", ahead.threads,
                                    started, error.code().message()),
                        "give fewer, or allow more threads (ulimit -u) or memory");
    }
  }
  Pool(const Pool&) = delete;  // its threads refer to it
  Pool& operator=(const Pool&) = delete;
  ~Pool() { end_threads(); }

  StepBatch take(std::int64_t first) {
    std::unique_lock lock(mutex_);
    if (steps_.empty() || steps_.front()->first_position != first) {
      steps_.clear();  // whoever still reads one of them holds it
      next_position_ = first;
    }
    wanted_ = ahead_.steps + 1;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !steps_.empty() && steps_.front()->is_complete(); });
    const std::shared_ptr<Step> step = steps_.front();
    steps_.pop_front();
    wanted_ = ahead_.steps;
    lock.unlock();
    changed_.notify_all();
    if (step->failure != nullptr) std::rethrow_exception(step->failure);
    return reader_.batch_of(step->plan, std::move(step->samples));
  }

  StepReader& reader() { return reader_; }

 private:
  void end_threads() {
    {
      const std::scoped_lock lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!is_over_) {
      const auto step = std::ranges::find_if(steps_, [](const auto& each) { return each->has_work(); });
      if (step != steps_.end()) {
        const std::shared_ptr<Step> held = *step;  // steps_ may be cleared meanwhile
        read_some(*held, lock);
      } else if (!is_planning_ && steps_.size() < wanted_) {
        plan_next(lock);
      } else {
        changed_.wait(lock);
      }
    }
  }

  // Both leave the lock while they work.
  void plan_next(std::unique_lock<std::mutex>& lock) {
    const auto step = std::make_shared<Step>(next_position_);
    steps_.push_back(step);
    next_position_ += reader_.global_batch_size();
    is_planning_ = true;
    lock.unlock();
    PlannedStep plan;
    std::exception_ptr failure;
    try {
      plan = reader_.plan(step->first_position);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    is_planning_ = false;
    step->order = order_of_reading(plan);
    step->samples.resize(plan.samples.size());
    step->plan = std::move(plan);
    step->failure = failure;
    step->is_planned = true;
    changed_.notify_all();
  }

  void read_some(Step& step, std::unique_lock<std::mutex>& lock) {
    const std::size_t fair = step.order.size() / (4 * threads_.size());
    const std::size_t begin = step.begun, count = std::clamp<std::size_t>(fair, 1, kMostAtATime);
    const std::size_t end = std::min(begin + count, step.order.size());
    step.begun = end;
    lock.unlock();
    std::exception_ptr failure;
    try {
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t sample = step.order[i];
        step.samples[sample] = std::as_const(reader_).read(step.plan.samples[sample]);
      }
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    step.done += end - begin;
    if (failure != nullptr) step.failure = failure;
    if (step.is_complete()) changed_.notify_all();
  }

  StepReader reader_;
  ReadAhead ahead_;
  std::mutex mutex_;  // guards what follows, but for the samples of a step, each of which one thread writes
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Step>> steps_;
  std::int64_t next_position_ = 0;
  std::size_t wanted_ = 0;  // steps to have
  bool is_planning_ = false, is_over_ = false;
  std::vector<std::thread> threads_;  // last
};

PrefetchingReader::PrefetchingReader(StepReader reader, ReadAhead ahead)
    : pool_(std::make_unique<Pool>(std::move(reader), ahead)) {}
PrefetchingReader::PrefetchingReader(PrefetchingReader&&) noexcept = default;
PrefetchingReader& PrefetchingReader::operator=(PrefetchingReader&&) noexcept = default;
PrefetchingReader::~PrefetchingReader() = default;

StepBatch PrefetchingReader::take(std::int64_t first_position) { return pool_->take(first_position); }

void PrefetchingReader::leave_out(std::span<const std::int64_t> samples) {
  for (const std::int64_t sample : samples) pool_->reader().leave_out(sample);
}

std::vector<std::int64_t> PrefetchingReader::left_out() const {
  return pool_->reader().quarantine().samples();
}

std::int64_t PrefetchingReader::global_batch_size() const { return pool_->reader().global_batch_size(); }

const std::string& PrefetchingReader::fingerprint() const { return pool_->reader().fingerprint(); }

}  // namespace dfm::data

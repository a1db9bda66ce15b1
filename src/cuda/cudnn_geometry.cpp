#include "cuda/cudnn_geometry.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "nn/device_integers.h"

namespace dfm::cuda {
namespace {

// Lengths of which cuDNN has no bugs to tell, and of which there are few.
constexpr std::int64_t kLengthStep = 64;

std::int64_t up_to_multiple(std::int64_t value, std::int64_t of) { return (value + of - 1) / of * of; }

// Rounded up to one of `steps` values an octave, and to at least `least`.
std::int64_t bound(std::int64_t value, std::int64_t steps, std::int64_t least) {
  const auto octave = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(value)));
  return up_to_multiple(std::max(value, least), std::max(octave / steps, least));
}

constexpr std::int64_t kSampleSteps = 4, kLengthSteps = 8;

std::int64_t most(at::IntArrayRef counts) { return *std::ranges::max_element(counts); }
std::int64_t sum(at::IntArrayRef counts) { return std::reduce(counts.begin(), counts.end()); }

RowStrides strides_of(const at::Tensor& rows) { return {rows.stride(0), rows.stride(1)}; }

// One table behind the other, each at 16 bytes as cuDNN takes it; samples beyond the last are empty.
class Table {
 public:
  explicit Table(std::int64_t samples) : samples_(static_cast<std::size_t>(samples)) {}

  void add_counts(at::IntArrayRef counts) {
    for (const std::int64_t count : counts) values.push_back(static_cast<std::int32_t>(count));
    values.resize(values.size() + samples_ - counts.size(), 0);
  }
  void add_offsets(at::IntArrayRef counts, std::int64_t elements) {
    std::int64_t begin = 0;
    for (const std::int64_t count : counts) {
      values.push_back(static_cast<std::int32_t>(begin * elements));
      begin += count;
    }
    values.resize(values.size() + samples_ + 1 - counts.size(), static_cast<std::int32_t>(begin * elements));
  }

  // Where the next one begins.
  std::size_t begin_next() {
    values.resize(static_cast<std::size_t>(up_to_multiple(static_cast<std::int64_t>(values.size()), 4)), 0);
    return values.size();
  }

  std::vector<std::int32_t> values;

 private:
  std::size_t samples_;
};

}  // namespace

AttentionCall AttentionCall::heads(std::int64_t begin, std::int64_t count) const {
  AttentionCall part = *this;
  const std::int64_t sharing = q.size(1) / k.size(1);
  part.q = q.narrow(1, begin * sharing, count * sharing);
  part.k = k.narrow(1, begin, count);
  part.v = v.narrow(1, begin, count);
  return part;
}

bool are_equal(at::IntArrayRef query_counts, at::IntArrayRef key_counts) {
  const auto same = [](at::IntArrayRef counts) {
    return std::ranges::all_of(counts, [&](std::int64_t count) { return count == counts.front(); });
  };
  return same(query_counts) && same(key_counts);
}

bool is_dense(at::IntArrayRef query_counts, at::IntArrayRef key_counts) {
  if (!are_equal(query_counts, key_counts)) return false;
  const std::int64_t queries = query_counts.front(), keys = key_counts.front();
  if (queries < kLengthStep || keys < kLengthStep) return false;
  return queries == keys || keys % kLengthStep == 0;
}

AttentionGeometry geometry_of(const AttentionCall& call, AttentionDirection direction) {
  const std::int64_t width = call.q.size(2);
  AttentionGeometry geometry;
  geometry.samples = static_cast<std::int64_t>(call.query_counts.size());
  geometry.heads = call.q.size(1);
  geometry.key_heads = call.k.size(1);
  geometry.width = width;
  geometry.query_length = most(call.query_counts);
  geometry.key_length = most(call.key_counts);
  geometry.q = strides_of(call.q);
  geometry.k = strides_of(call.k);
  geometry.v = strides_of(call.v);
  geometry.out = {call.all_heads * width, width};
  geometry.key_gradient = {call.all_key_heads * width, width};
  geometry.scale = static_cast<float>(call.scale);
  geometry.ragged = !is_dense(call.query_counts, call.key_counts);
  geometry.deterministic = call.deterministic && direction == AttentionDirection::backward;
  if (!geometry.ragged) return geometry;
  geometry.samples = bound(geometry.samples, kSampleSteps, 1);
  geometry.query_length = bound(geometry.query_length, kLengthSteps, kLengthStep);
  geometry.key_length = bound(geometry.key_length, kLengthSteps, kLengthStep);
  if (direction == AttentionDirection::backward) {
    geometry.q = geometry.out;  // the caller sees to these (cudnn_attention.cpp)
    geometry.k = geometry.v = geometry.key_gradient;
    geometry.query_rows = bound(sum(call.query_counts), kLengthSteps, kLengthStep);
    geometry.key_rows = bound(sum(call.key_counts), kLengthSteps, kLengthStep);
  }
  return geometry;
}

at::Tensor add_offsets(const AttentionCall& call, const AttentionGeometry& geometry,
                       AttentionPointers& pointers) {
  if (!geometry.ragged) return {};
  Table table(geometry.samples);
  std::vector<std::pair<AttentionTensor, std::size_t>> places;
  const auto place = [&](AttentionTensor name) { places.emplace_back(name, table.begin_next()); };
  place(kQueryCounts);
  table.add_counts(call.query_counts);
  place(kKeyCounts);
  table.add_counts(call.key_counts);
  const auto offsets = [&](AttentionTensor name, at::IntArrayRef counts, std::int64_t elements) {
    place(name);
    table.add_offsets(counts, elements);
  };
  offsets(kQOffsets, call.query_counts, geometry.q.token);
  offsets(kKOffsets, call.key_counts, geometry.k.token);
  offsets(kVOffsets, call.key_counts, geometry.v.token);
  offsets(kOutOffsets, call.query_counts, geometry.out.token);
  offsets(kLogSumExpOffsets, call.query_counts, geometry.heads);
  offsets(kKeyGradientOffsets, call.key_counts, geometry.key_gradient.token);
  at::Tensor on_device = nn::integers_on(call.q.device(), table.values);
  auto* const data = on_device.data_ptr<std::int32_t>();
  for (const auto& [name, begin] : places) pointers[name] = data + begin;
  return on_device;
}

}  // namespace dfm::cuda

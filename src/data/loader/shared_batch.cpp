#include "data/loader/shared_batch.h"

#include <nlohmann/json.hpp>

#include "comm/agree.h"
#include "core/json.h"
#include "data/tensor/spare_buffers.h"

namespace dfm::data {
namespace {

constexpr int kReader = 0;

Json outline(const Array& array) {
  return Json::array({static_cast<int>(array.dtype), array.shape, array.bytes.size()});
}

Array room_for(const Json& described) {
  Array array{static_cast<DType>(described.at(0).get<int>()), described.at(1).get<Shape>(), {}};
  array.bytes = take_buffer(described.at(2));
  return array;
}

Json outline(const PositionedSample& each) {
  return Json::array(
      {each.position, each.number, each.sample.key, outline(each.sample.latent), outline(each.sample.text)});
}

PositionedSample sample_like(const Json& described) {
  return {described.at(0),
          {described.at(2), room_for(described.at(3)), room_for(described.at(4))},
          described.at(1)};
}

// All but the elements. Keys may hold names of files that are not UTF-8, which JSON cannot: they are
// replaced there.
std::string outline_text(const StepBatch& batch) {
  Json packs = Json::array();
  for (const auto& pack : batch.packs) {
    packs.push_back(Json::array());
    for (const PositionedSample& each : pack) packs.back().push_back(outline(each));
  }
  const Json all = Json::array({batch.planned_tokens, batch.fill, batch.imbalance, packs});
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

StepBatch batch_like(const std::string& text) {
  const Json all = parse_json(text, "the batch of another rank");
  StepBatch batch;
  batch.planned_tokens = all.at(0);
  batch.fill = all.at(1);
  batch.imbalance = all.at(2);
  for (const Json& pack : all.at(3)) {
    batch.packs.emplace_back();
    for (const Json& each : pack) batch.packs.back().push_back(sample_like(each));
  }
  return batch;
}

StepBatch read_by_one(const comm::Group& group, const std::function<StepBatch()>& read) {
  try {
    return comm::agreed(group, [&] { return group.rank() == kReader ? read() : StepBatch(); });
  } catch (const comm::AgreedError& error) {
    throw Error(error.kind(), error.what(), error.hint());
  }
}

}  // namespace

StepBatch read_once(const comm::Group& group, const std::function<StepBatch()>& read) {
  if (group.size() == 1) return read();
  StepBatch batch = read_by_one(group, read);
  const bool is_reader = group.rank() == kReader;
  const std::string text = group.broadcast_text(is_reader ? outline_text(batch) : "", kReader);
  if (!is_reader) batch = batch_like(text);
  for (auto& pack : batch.packs) {
    for (PositionedSample& each : pack) {
      group.broadcast(each.sample.latent.bytes, kReader);
      group.broadcast(each.sample.text.bytes, kReader);
    }
  }
  return batch;
}

}  // namespace dfm::data

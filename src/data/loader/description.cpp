#include "data/loader/description.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/python_json.h"
#include "core/units.h"
#include "data/tensor/error_context.h"
#include "data/tensor/tensor_parts.h"

namespace dfm::data {
namespace {

constexpr std::uint64_t kLongestBytes = 4U << 20U;  // a value takes a few dozen times its text
constexpr const char* kScore = "aesthetic_score";

Json read_description(const RawSample& raw) {
  const RawPart* found = nullptr;
  for (const RawPart& part : raw.parts) {
    const std::string_view extension = without_dot(part.extension);
    if (extension == "json" || extension == "jsn") found = &part;
  }
  if (found == nullptr) throw data_error("it has no .json part");
  if (found->content.size() > kLongestBytes) {
    throw data_error(fmt::format("its .{} is {} long, more than {}", without_dot(found->extension),
                                 format_bytes(found->content.size()), format_bytes(kLongestBytes)));
  }
  return parse_python_json(found->content.text(),
                           fmt::format("{}.{}", raw.key, without_dot(found->extension)));
}

double score_in(const Json& description) {
  if (description.is_object()) {
    const auto score = description.find(kScore);
    if (score != description.end() && score->is_number()) return score->get<double>();
  }
  throw data_error(fmt::format("its .json has no number {}", kScore),
                   "prepare the samples with their scores, or leave dataset.aesthetic_score out");
}

}  // namespace

Json description_of(const RawSample& raw) {
  return with_context([&] { return fmt::format("sample {} cannot be described", raw.key); },
                      [&] { return read_description(raw); });
}

double aesthetic_score(const RawSample& raw) {
  return with_context([&] { return fmt::format("sample {} cannot be used", raw.key); },
                      [&] { return score_in(read_description(raw)); });
}

}  // namespace dfm::data

#include "core/json_builder.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "core/error.h"

namespace dfm {
namespace {

constexpr std::size_t kDeepest = 100;
constexpr std::size_t kLongestComplaint = 300;

// "[json.exception.parse_error.101] parse error at line 1, ..." without its code, and without the megabytes
// of a token that never ends.
std::string complaint(std::string text) {
  if (const auto code_end = text.find("] "); text.starts_with('[') && code_end != std::string::npos) {
    text.erase(0, code_end + 2);
  }
  if (text.size() <= kLongestComplaint) return text;
  std::size_t end = kLongestComplaint;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  return text.substr(0, end) + " ...";
}

std::optional<std::string_view> repeated_key(const Json::object_t& members) {
  std::vector<std::string_view> keys;
  for (const auto& member : members) keys.emplace_back(member.first);
  std::ranges::sort(keys);
  const auto repeated = std::ranges::adjacent_find(keys);
  return repeated == keys.end() ? std::nullopt : std::optional(*repeated);
}

// In the place of the first, as a dict of Python has it. Takes the values.
Json::object_t with_last_of_each(Json::object_t& members) {
  Json::object_t kept;
  std::unordered_map<std::string, std::size_t> places;
  for (auto& [key, value] : members) {
    const auto [place, is_new] = places.try_emplace(key, kept.size());
    if (is_new) {
      kept.emplace_back(key, std::move(value));
    } else {
      kept.begin()[static_cast<std::ptrdiff_t>(place->second)].second = std::move(value);
    }
  }
  return kept;
}

}  // namespace

bool JsonBuilder::key(std::string& name) {
  key_ = std::move(name);
  return true;
}

bool JsonBuilder::end_object() {
  auto& members = open_.back()->get_ref<Json::object_t&>();
  if (const auto repeated = repeated_key(members)) {
    if (repeated_ == RepeatedKeys::refused) {
      throw data_error("is not acceptable JSON: " +
                       complaint(fmt::format("the key '{}' comes twice", *repeated)));
    }
    *open_.back() = with_last_of_each(members);
  }
  return close();
}

bool JsonBuilder::parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
  throw data_error("is not JSON: " + complaint(error.what()));
}

Json* JsonBuilder::place(Json value) {
  if (open_.empty()) return &(root_ = std::move(value));
  if (open_.back()->is_array())
    return &open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
  auto& members = open_.back()->get_ref<Json::object_t&>();
  return &members.emplace_back(std::move(key_), std::move(value)).second;
}

bool JsonBuilder::add(Json value) {
  place(std::move(value));
  return true;
}

bool JsonBuilder::open(Json container) {
  if (open_.size() == kDeepest) throw data_error("is not acceptable JSON: it is nested too deeply");
  open_.push_back(place(std::move(container)));
  return true;
}

bool JsonBuilder::close() {
  open_.pop_back();
  return true;
}

}  // namespace dfm

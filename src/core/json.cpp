#include "core/json.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"

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

// Fills the document in the order of the text. The library's own builder compares each new key with all
// before it, which takes hours for an object of a million keys; here each object is checked once, when it
// ends.
class DocumentBuilder {
 public:
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }  // not in JSON text
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    key_ = std::move(name);
    return true;
  }

  bool end_object() {
    refuse_repeated_keys(*open_.back());
    return close();
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    throw data_error("is not JSON: " + complaint(error.what()));
  }

  Json take() { return std::move(root_); }

 private:
  Json* place(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array())
      return &open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
    auto& members = open_.back()->get_ref<Json::object_t&>();
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (open_.size() == kDeepest) throw data_error("is not acceptable JSON: it is nested too deeply");
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  static void refuse_repeated_keys(const Json& object) {
    std::vector<std::string_view> keys;
    for (const auto& member : object.get_ref<const Json::object_t&>()) keys.emplace_back(member.first);
    std::ranges::sort(keys);
    const auto repeated = std::ranges::adjacent_find(keys);
    if (repeated == keys.end()) return;
    throw data_error("is not acceptable JSON: " +
                     complaint(fmt::format("the key '{}' comes twice", *repeated)));
  }

  Json root_;
  std::vector<Json*> open_;  // the containers that have not ended, outermost first
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view what) {
  try {
    DocumentBuilder builder;
    Json::sax_parse(text, &builder);
    return builder.take();
  } catch (const Error& error) {
    throw data_error(fmt::format("{} {}", what, error.what()));
  }
}

Json read_json(const std::filesystem::path& path, std::uint64_t limit_bytes) {
  return parse_json(read_text(path, limit_bytes), path.native());
}

}  // namespace dfm

#include "data/energon/info_json_reader.h"

#include <unordered_set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace dfm::data {
namespace {

// Receives the parts of the text in order. What is inside shard_counts counts; other values may be anything.
class InfoHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit InfoHandler(const std::string& what) : what_(what) {}

  DatasetInfo take() {
    if (!has_counts_) throw refusal("has no map shard_counts");
    return std::move(info_);
  }

  bool start_object(std::size_t /*size*/) override {
    ++depth_;
    if (depth_ == 2 && key_ == "shard_counts") has_counts_ = is_in_counts_ = true;
    return is_nested_too_deeply() || is_value_in_counts() ? fail_value() : true;
  }
  bool end_object() override {
    if (depth_-- == 2) is_in_counts_ = false;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (depth_ != 2 || !is_in_counts_) return true;
    if (!names_.insert(name).second) throw refusal(fmt::format("names shard '{}' twice", name));
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 2 && is_in_counts_) info_.shards.push_back({key_, value});
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "energon_version") info_.energon_version = value;
    return is_in_counts_ ? fail_value() : true;
  }
  bool start_array(std::size_t /*size*/) override {
    ++depth_;
    return is_nested_too_deeply() || is_in_counts_ ? fail_value() : true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool null() override { return is_in_counts_ ? fail_value() : true; }
  bool boolean(bool /*value*/) override { return is_in_counts_ ? fail_value() : true; }
  bool number_integer(number_integer_t /*value*/) override { return is_in_counts_ ? fail_value() : true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return is_in_counts_ ? fail_value() : true;
  }
  bool binary(binary_t& /*value*/) override { return fail_value(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    throw refusal(fmt::format("is not JSON: {}", error.what()));
  }

 private:
  static constexpr int kDeepest = 50;

  Error refusal(const std::string& problem) const {
    return data_error(fmt::format("{}: {}", what_, problem), "make it again: dfm_index FOLDER");
  }
  bool is_nested_too_deeply() const { return depth_ > kDeepest; }
  bool is_value_in_counts() const { return is_in_counts_ && depth_ > 2; }
  bool fail_value() const { throw refusal(fmt::format("'{}' has a value that is no count", key_)); }

  const std::string& what_;
  DatasetInfo info_;
  std::unordered_set<std::string> names_;
  std::string key_;
  int depth_ = 0;
  bool is_in_counts_ = false, has_counts_ = false;
};

}  // namespace

DatasetInfo parse_info_json(std::string_view text, const std::string& what) {
  InfoHandler handler(what);
  nlohmann::json::sax_parse(text, &handler);
  return handler.take();
}

}  // namespace dfm::data

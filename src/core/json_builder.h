// Puts a document together from what nlohmann's reader meets, for json.h and python_json.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace dfm {

// Of a key that an object has more than once.
enum class RepeatedKeys { refused, last_counts };

// Fills the document in the order of the text. The library's own builder compares each new key with all
// before it, which takes hours for an object of a million keys; here each object is checked once, when it
// ends.
class JsonBuilder {
 public:
  explicit JsonBuilder(RepeatedKeys repeated) : repeated_(repeated) {}

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
  bool key(std::string& name);
  bool end_object();
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error);

  Json take() { return std::move(root_); }

 private:
  Json* place(Json value);
  bool add(Json value);
  bool open(Json container);
  bool close();

  RepeatedKeys repeated_;
  Json root_;
  std::vector<Json*> open_;  // the containers that have not ended, outermost first
  std::string key_;
};

}  // namespace dfm

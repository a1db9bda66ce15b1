// A plain value as a pickle holds it: None, a truth value, a number, text, bytes, an array, or a list, tuple
// or dict of them.
//
//   const PickleValue value = read_pickle(bytes, "000012.pickle");
//   if (const auto* text = std::get_if<std::string>(&value.content)) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/array.h"

namespace dfm::data {

struct PickleValue;

struct PickleList {
  std::vector<PickleValue> items;
};

struct PickleTuple {
  std::vector<PickleValue> items;
};

// In the order of the file. A key that is there twice counts with its last value.
struct PickleDict {
  std::vector<std::pair<PickleValue, PickleValue>> pairs;
};

struct PickleValue {
  // monostate: None. string: UTF-8.
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::byte>, PickleList,
               PickleTuple, PickleDict, Array>
      content;
};

}  // namespace dfm::data

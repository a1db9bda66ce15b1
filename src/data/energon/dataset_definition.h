// What a data set's samples are: the content of dataset.yaml (spec/energon.md section 1.10).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/energon/sample_types.h"

namespace dfm::data {

// The parts that fill a sample's fields, in their order: {"caption", "json[caption]"}.
using FieldMap = std::vector<std::pair<std::string, std::string>>;

struct DatasetDefinition {
  std::string sample_type{kCrudeType};
  // Without one, a sample that is not crude is made by sample_loader.py.
  std::optional<FieldMap> field_map = {};

  bool needs_sample_loader() const { return sample_type != kCrudeType && !field_map; }
};

// Byte for byte what Energon writes.
std::string dataset_yaml(const DatasetDefinition& definition);

// From a JSON object of strings. Throws a usage error for anything else, a field that the type does not have
// and a required one that is missing.
FieldMap parse_field_map(std::string_view json, const SampleType& type);

// The parts that an expression of a field map names: jpg and json for "jpg,json[image][0]".
std::vector<std::string> parts_of_expression(std::string_view expression);

// A file sample_loader.py to be completed by the user: the fields of the type, and the parts that there are.
std::string sample_loader_py(const SampleType& type, const std::vector<std::string>& parts);

}  // namespace dfm::data

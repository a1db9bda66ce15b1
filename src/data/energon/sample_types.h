// The kinds of samples that Energon 7.4 knows, with their fields (spec/energon.md section 1.10): what
// dataset.yaml may name, in the order in which its dialog lists them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace dfm::data {

inline constexpr std::string_view kCrudeType = "CrudeWebdataset";

struct SampleField {
  std::string_view name;
  std::string_view type;           // as the reference's dialog prints it
  std::string_view default_value;  // empty: the field is required
};

struct SampleType {
  std::string_view name;   // of the class
  std::string_view title;  // in a list for people
  std::vector<SampleField> fields;
};

// The crude one, which has no fields, is the last.
std::span<const SampleType> sample_types();

// Null when there is no such type.
const SampleType* find_sample_type(std::string_view name);

}  // namespace dfm::data

// From the name of a tar member to the sample it belongs to (spec/energon.md section 1.2).
//
//   split_member_name("d/1.seg.json")   ->  key "d/1", extension "seg.json"
#pragma once

#include <optional>
#include <string_view>

namespace dfm::data {

struct SampleName {
  std::string_view key;        // with folders, without extension; globally unique in a data set
  std::string_view extension;  // behind the first dot, case as it is; may be empty

  bool operator==(const SampleName&) const = default;
};

// Empty for members that do not count: names without a dot, hidden files at the top, and what lies in
// `__meta__`-like folders. A hidden file inside a folder gives a sample that is named after the folder: a
// quirk of the reference that is part of the format. The views point into `name`.
std::optional<SampleName> split_member_name(std::string_view name);

}  // namespace dfm::data

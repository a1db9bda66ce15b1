#include "data/energon/sample_key.h"

namespace dfm::data {
namespace {

constexpr auto kNone = std::string_view::npos;

bool has_dunders(std::string_view part) {
  return part.size() >= 4 && part.starts_with("__") && part.ends_with("__");
}

// The reference's expression is __[^/]*__($|/), matched at the beginning; its $ also matches before a last
// newline.
bool is_meta(std::string_view name) {
  const auto slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  if (has_dunders(first)) return true;
  return slash == kNone && first.ends_with('\n') && has_dunders(first.substr(0, first.size() - 1));
}

}  // namespace

// The reference's expression is ^((?:.*/|)[^.]+)[.]([^/]*)$: a folder part as long as possible, at least one
// character that is no dot (but may be a slash), a dot, and an extension without slashes. Folder parts are
// tried from the longest to none; since the extension has no slash, its dot must lie behind the last one.
std::optional<SampleName> split_member_name(std::string_view name) {
  if (is_meta(name)) return std::nullopt;
  const auto base_begin = name.rfind('/') + 1;                    // 0 where there is no slash
  const std::string_view line = name.substr(0, name.find('\n'));  // `.` does not match a newline
  for (auto begin = line.rfind('/') + 1;;) {
    const auto dot = name.find('.', begin);
    if (dot == kNone || dot < base_begin) return std::nullopt;
    if (dot > begin) return SampleName{name.substr(0, dot), name.substr(dot + 1)};
    if (begin == 0) return std::nullopt;
    begin = begin == 1 ? 0 : line.rfind('/', begin - 2) + 1;
  }
}

}  // namespace dfm::data

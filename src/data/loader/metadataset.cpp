#include "data/loader/metadataset.h"

#include <algorithm>
#include <system_error>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "data/loader/metadataset_file.h"

namespace dfm::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostFolders = 10'000;

// What outer levels say to those inside.
struct Inherited {
  std::string split;
  Subset subset;
  Subflavors subflavors;
};

Subset own_subset(const MetaNode& node) {
  if (!node.has("subset")) return {};
  const MetaNode subset = node.map("subset");
  subset.allow_only({"range"});
  const auto range = subset.scalars("range");
  if (range.size() != 2) throw subset.refusal("its range is not a list of two");
  try {
    return parse_subset(range[0], range[1]);
  } catch (const Error& error) {
    throw subset.refusal(error.what(), error.hint());
  }
}

// The path of a reference, relative to the file that makes it.
fs::path path_of(const MetaNode& node) {
  const std::string text = node.required_text("path");
  if (text.find("://") != std::string::npos) {
    throw node.refusal(fmt::format("{} is a remote path", text), "copy the data set to a file system");
  }
  fs::path path = (node.file().parent_path() / text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a slash at the end
  return path;
}

class Reader {
 public:
  Metadataset read_file(const fs::path& file, const Inherited& inherited);

 private:
  Metadataset read_split(const MetaNode& node, const Inherited& inherited);
  Metadataset read_reference(const MetaNode& node, const Inherited& inherited);
  Metadataset read_folder(const MetaNode& node, const Inherited& inherited);
  Metadataset blend(const MetaNode& node, const char* list, const Inherited& inherited);
  void enter(const fs::path& file);

  std::vector<fs::path> open_files_;  // each names the next
  std::size_t folders_ = 0;
};

void require_known_class(const MetaNode& root) {
  root.allow_only({"__module__", "__class__", "splits"});
  const std::string name = root.text("__class__").value_or("Metadataset");
  if (name == "Metadataset" || name == "MetadatasetV2") return;
  throw root.refusal(fmt::format("{} is not a metadataset", name),
                     "give __class__: MetadatasetV2 (or Metadataset for version 1)");
}

MetaNode split_node(const MetaNode& root, const std::string& split) {
  const MetaNode splits = root.map("splits");
  const auto names = splits.keys();
  if (std::ranges::find(names, split) == names.end()) {
    throw root.refusal(fmt::format("has no split {}", split),
                       fmt::format("it has: {}", fmt::join(names, ", ")));
  }
  return splits.map(split);
}

void Reader::enter(const fs::path& file) {
  std::error_code ignored;
  const fs::path name = fs::weakly_canonical(file, ignored);
  if (std::ranges::find(open_files_, name) != open_files_.end()) {
    throw data_error(fmt::format("the metadataset {} leads back to itself", name.native()),
                     "remove one of the references");
  }
  open_files_.push_back(name);
  if (open_files_.size() <= kDeepest) return;
  throw data_error(
      fmt::format("{}: metadatasets are nested more than {} deep", open_files_.front().native(), kDeepest),
      "name the data sets directly");
}

Metadataset Reader::read_file(const fs::path& file, const Inherited& inherited) {
  enter(file);
  const MetaNode root = MetaNode::load(file);
  require_known_class(root);
  Metadataset read = read_split(split_node(root, inherited.split), inherited);
  open_files_.pop_back();
  return read;
}

Metadataset Reader::read_split(const MetaNode& node, const Inherited& inherited) {
  for (const char* const list : {"datasets", "blend", "blend_epochized"}) {
    if (!node.has(list)) continue;
    node.allow_only({list, "subset"});
    return blend(node, list,
                 {inherited.split, within(own_subset(node), inherited.subset), inherited.subflavors});
  }
  return read_reference(node, inherited);
}

Metadataset Reader::read_reference(const MetaNode& node, const Inherited& inherited) {
  if (node.has("join")) {
    throw node.refusal("is a join of data sets",
                       "dfm trains on latents and texts in one data set: merge them");
  }
  if (node.has("aux")) {
    throw node.refusal("has auxiliary data", "dfm has no cookers that could read them: remove `aux`");
  }
  node.allow_only({"path", "split_part", "subflavor", "subflavors", "shuffle_over_epochs_multiplier",
                   "dataset_config", "split_config", "subset", "weight", "repetitions"});
  Inherited inside{node.text("split_part").value_or(inherited.split),
                   within(own_subset(node), inherited.subset), inherited.subflavors};
  for (auto& [name, value] : node.values("subflavors")) inside.subflavors.emplace(name, value);
  if (const auto flavor = node.text("subflavor")) inside.subflavors.emplace("__subflavor__", *flavor);
  const char* const multiplier = "shuffle_over_epochs_multiplier";
  if (node.has(multiplier) && node.text(multiplier) != "1") {
    log::warn("{}", node.refusal(fmt::format("{} has no effect: each epoch is shuffled", multiplier)).what());
  }
  const fs::path path = path_of(node);
  if (!is_metadataset(path)) return read_folder(node, inside);
  if (node.has("dataset_config") || node.has("split_config"))
    throw node.refusal("names a metadataset and a configuration of a folder", "remove the configuration");
  if (inside.subset.is_in_samples())
    throw node.refusal("takes a number of samples of a metadataset", "give the subset in percent");
  return read_file(path, inside);
}

Metadataset Reader::read_folder(const MetaNode& node, const Inherited& inherited) {
  if (++folders_ > kMostFolders) throw node.refusal(fmt::format("is behind the {}th data set", kMostFolders));
  const fs::path path = path_of(node);
  std::error_code error;
  const auto type = fs::status(path, error).type();
  if (type == fs::file_type::not_found)
    throw node.refusal(fmt::format("{} does not exist", path.native()),
                       "correct the path: it is relative to the file");
  if (type != fs::file_type::directory)
    throw node.refusal(fmt::format("{} is no folder of shards", path.native()),
                       "name a folder that dfm_index or energon prepare indexed, or a metadataset (.yaml)");
  const auto config = node.text("dataset_config");
  if (config && !fs::is_regular_file(path / ".nv-meta" / *config, error))
    throw node.refusal(fmt::format("{} has no .nv-meta/{}", path.native(), *config));
  BlendedFolder folder{path, inherited.split, node.text("split_config").value_or(""), inherited.subset,
                       inherited.subflavors};
  return {BlendMode::none, {std::move(folder)}};
}

Metadataset Reader::blend(const MetaNode& node, const char* list, const Inherited& inherited) {
  const bool repeats = std::string_view(list) == "blend_epochized";
  const char* const key = repeats ? "repetitions" : "weight";
  Metadataset blended{repeats ? BlendMode::repetitions : BlendMode::weights, {}};
  const auto items = node.list(list);
  double sum = 0;
  for (const MetaNode& item : items) sum += item.amount(key, 1);
  if (sum == 0) throw node.refusal(fmt::format("all its {}s are 0", repeats ? "repetition" : "weight"));
  for (const MetaNode& item : items) {
    if (item.has(repeats ? "weight" : "repetitions"))
      throw item.refusal(fmt::format("its {} is given by `{}`", list, key));
    Metadataset inner = read_reference(item, inherited);
    if (inner.mode != BlendMode::none && inner.mode != blended.mode) {
      throw item.refusal("blends by weights and by repetitions are mixed", "use one kind in all files");
    }
    for (BlendedFolder& folder : inner.folders) {
      (repeats ? folder.repetitions : folder.weight) *= item.amount(key, 1) / (repeats ? 1 : sum);
      blended.folders.push_back(std::move(folder));
    }
  }
  return blended;
}

}  // namespace

bool is_metadataset(const fs::path& path) {
  std::error_code ignored;
  return (path.extension() == ".yaml" || path.extension() == ".yml") && !fs::is_directory(path, ignored);
}

Metadataset read_metadataset(const fs::path& file, std::string_view split) {
  return Reader().read_file(file, {std::string(split), {}, {}});
}

std::vector<std::string> splits_of_metadataset(const fs::path& file) {
  const MetaNode root = MetaNode::load(file);
  require_known_class(root);
  return root.map("splits").keys();
}

}  // namespace dfm::data

// [index]: from a folder of shards to a data set, and what can be asked of one.
#include "config/keys/sections.h"

namespace dfm::keys {
namespace {

std::vector<Key> making_keys() {
  return {
      text("index.root", {}, "Folder of shards"),
      text("index.exclude", {},
           "Regular expression; shards whose relative name contains a match are left out"),
      text("index.split_ratio", "1,0,0", "Shares of the train, val and test splits"),
      texts("index.split_parts",
            "Splits by name, each NAME:PATTERN: braces are expanded, then every pattern is a regular "
            "expression that "
            "must match from the beginning of the shard's relative name; goes before the ratio"),
      flag("index.shuffle_tars", false,
           "Shuffle the shards before they are split (as energon --shuffle-tars does)"),
      flag("index.tar_index_only", false,
           "Make only the .tar.idx files and index.sqlite anew, for the shards that .info.json lists"),
      flag("index.rescan", false,
           "Read all shards, also those whose size and time are those of the last run"),
      flag("index.strict", false,
           "Stop with code 3 at a damaged shard instead of leaving it out with code 7"),
      flag("index.force_overwrite", false, "Replace split.yaml and dataset.yaml where they exist"),
      flag("index.non_interactive", false,
           "Ask nothing, also on a terminal; what is not given has its default"),
  };
}

std::vector<Key> dataset_yaml_keys() {
  return {
      choice("index.sample_type", "CrudeWebdataset",
             {"CaptioningSample", "CrudeWebdataset", "ImageClassificationSample", "ImageSample",
              "InterleavedSample", "MultiChoiceVQASample", "OCRSample", "Sample",
              "SimilarityInterleavedSample", "TextSample", "VQASample", "VidQASample"},
             "What Energon makes of a sample; dfm itself trains on CrudeWebdataset"),
      text("index.field_map", {},
           "The parts of a sample that fill its fields, as JSON: {\"image\": \"jpg\", \"caption\": "
           "\"json[caption]\"}; null: sample_loader.py is made, to be edited"),
      flag("index.skip_dataset_yaml", false, "Write no dataset.yaml"),
      text("index.dataset_yaml_name", "dataset.yaml",
           "Name of the file in .nv-meta that says what samples are"),
  };
}

std::vector<Key> media_keys() {
  return {
      flag("index.media_metadata_by_extension", false,
           "Record what pictures, sound and videos are, found by their extension (Energon's media_metadata)"),
      flag("index.media_metadata_by_header", false, "The same, found by their first bytes"),
      text("index.media_metadata_by_glob", {},
           "The same, found by shell patterns for KEY.EXTENSION in small letters, separated by commas"),
  };
}

std::vector<Key> asking_keys() {
  return {
      flag("index.info", false, "Print shards, samples, parts, sizes and splits instead of indexing"),
      flag("index.verify", false,
           "Compare shards, .tar.idx, .info.json, splits, index.sqlite and dfm's own records instead of "
           "indexing; exit code 3 where one differs"),
      text("index.show", {}, "Print the parts of the sample with this key instead of indexing"),
      flag("index.lengths", false,
           "Print how many tokens the samples have (model.patch_spatial, model.patch_temporal) instead of "
           "indexing"),
      text("index.lengths_file", {},
           "Write the tokens of each sample to this file, as CSV; implies index.lengths"),
      flag("index.json", false, "Print what was asked for as JSON"),
  };
}

}  // namespace

std::vector<Key> index_keys() {
  std::vector<Key> keys = making_keys();
  for (auto* const more : {&dataset_yaml_keys, &media_keys, &asking_keys}) {
    for (Key& key : more()) keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace dfm::keys

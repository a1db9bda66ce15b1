"""dataset.yaml for every type of sample, and splits by pattern, against `energon prepare` 7.4 with the same options."""

import json
import re

import pytest
import yaml

from energon_archives import DATASETS, files, packed, write_shards
from energon_peer import DATA, indexed, prepared_with, read_by_dfm, same_files, tables, USAGE

FIELD_MAPS = {
    "CaptioningSample": {"image": "jpg,png", "caption": "json[caption]"},
    "ImageClassificationSample": {"image": "jpg", "label": "cls", "label_name": "json[names][0]"},
    "ImageSample": {"image": "jpg"},
    "InterleavedSample": {"sequence": "json"},
    "MultiChoiceVQASample": {"image": "jpg", "context": "json[q]", "choices": "json[c]", "correct_choice_idx": "json[i]"},
    "OCRSample": {"image": "jpg", "text": "txt", "words_boxes": "json[words][boxes]", "block_classes": "1.5"},
    "SimilarityInterleavedSample": {"images": "json[images]", "texts": "json[texts]"},
    "TextSample": {"text": "txt"},
    "VQASample": {"image": "jpg", "context": "txt", "answers": "json[a]", "answer_weights": "json[w]"},
    "VidQASample": {"video": "mp4", "context": "txt"},
}
ODD_EXPRESSIONS = ["yes", "no", "12", "0x1f", "1e5", "1.5", "1e+5", ".5", "~", "null", "2026-08-01", "12:30", "a: b", "#x", "x #y", "- a", "é",
                   "a'b", 'a"b', "@x", "{x}", "[x]", "true[x]", "=", "<<", "?", "? a", "0o17", "017", "1_000", ".inf", "x:", "%x", "&a", "*a",
                   "word " * 30 + "end"]


def both(tmp_path, shards, ours, theirs):
    roots = [write_shards(tmp_path / name, shards) for name in ("ours", "theirs")]
    text = indexed(roots[0], *ours)
    prepared_with(roots[1], *theirs)
    return *roots, text


@pytest.mark.parametrize("sample_type", FIELD_MAPS)
def test_a_field_map_gives_the_file_that_energon_writes(tmp_path, sample_type):
    words = ["--sample-type", sample_type, "--field-map", json.dumps(FIELD_MAPS[sample_type])]
    ours, theirs, _ = both(tmp_path, DATASETS["one shard"](), words, ["--split-ratio", "1,0,0", *words])
    same_files(ours, theirs)


@pytest.mark.parametrize("expression", ODD_EXPRESSIONS)
def test_texts_in_a_field_map_are_quoted_as_energon_quotes_them(tmp_path, expression):
    root = write_shards(tmp_path, DATASETS["one shard"]())
    indexed(root, "--sample-type", "TextSample", "--field-map", json.dumps({"text": expression}))
    definition = {"sample_type": {"__module__": "megatron.energon", "__class__": "TextSample"}, "field_map": {"text": expression}}
    assert (root / ".nv-meta/dataset.yaml").read_text() == yaml.dump(definition, sort_keys=False)


@pytest.mark.parametrize("sample_type", ["CaptioningSample", "OCRSample", "Sample"])
def test_without_a_field_map_a_sample_loader_is_made_and_kept(tmp_path, sample_type):
    ours, theirs, _ = both(tmp_path, DATASETS["one shard"](), ["--sample-type", sample_type],
                           ["--split-ratio", "1,0,0", "--sample-type", sample_type])
    name = ".nv-meta/dataset.yaml"
    assert (ours / name).read_text() == (theirs / name).read_text()
    made = (ours / ".nv-meta/sample_loader.py").read_text()
    scope = {}
    exec(made, scope)
    assert scope["part_filter"]("json") and scope["part_filter"]("txt") and not scope["part_filter"]("jpg")
    raw = {"TODO": 1}
    fields = set(re.findall(r"^        (\w+)=raw", (theirs / ".nv-meta/sample_loader.py").read_text(), re.M)) - {"__sources__"}
    assert set(scope["sample_loader"](raw)) == fields
    (ours / ".nv-meta/sample_loader.py").write_text("mine")
    indexed(ours, "--sample-type", sample_type, "--force-overwrite")
    assert (ours / ".nv-meta/sample_loader.py").read_text() == "mine"


def test_field_maps_that_energon_would_refuse_when_it_loads_are_refused_at_once(tmp_path):
    root = write_shards(tmp_path, DATASETS["one shard"]())
    for sample_type, field_map, word in [("CaptioningSample", '{"image": "jpg"}', "caption"), ("TextSample", '{"text": "txt", "image": "a"}', "image"),
                                         ("TextSample", "[1]", "JSON object"), ("TextSample", '{"text": 3}', "text"), ("TextSample", "{", "field_map"),
                                         ("CrudeWebdataset", '{"text": "txt"}', "CrudeWebdataset")]:
        assert word in indexed(root, "--sample-type", sample_type, "--field-map", field_map, code=USAGE)
    assert not (root / ".nv-meta").exists()
    assert "no sample has" in indexed(root, "--sample-type", "TextSample", "--field-map", '{"text": "jpg,png"}')


def test_the_file_can_have_another_name_or_none(tmp_path):
    root = write_shards(tmp_path, DATASETS["one shard"]())
    indexed(root, "--skip-dataset-yaml")
    assert not (root / ".nv-meta/dataset.yaml").exists()
    indexed(root, "--dataset-yaml-name", "text.yaml", "--sample-type", "TextSample", "--field-map", '{"text": "txt"}')
    assert "TextSample" in (root / ".nv-meta/text.yaml").read_text() and not (root / ".nv-meta/dataset.yaml").exists()
    for name in ("../x.yaml", "split.yaml", ".info.json", ""):
        indexed(root, f"index.dataset_yaml_name={name}", code=USAGE)


PATTERNS = {
    "ranges": ["train:train/s-{000..004}", "val:val/.*", "test:train/s-00[56]"],
    "lists": ["train:{train,val}/", "val:val/s-00{0,2,4}.tar"],
    "braces that are no range": ["train:train/s-{000-004}.tar", "val:train/s-0{2}"],
    "one name twice": ["a:train/", "b:val/", "a:val/s-001"],
    "from the beginning": ["train:s-000", "val:.*s-001"],
    "nothing": ["train:.*\\.tar", "val:nope"],
    "a split that is a number": ["1:train/", "yes:val/"],
    "alternatives": ["train:(train|val)/s-00\\\\d\\\\.tar$", "val:train/s-00[^0-5]"],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_choose_the_shards_that_energon_chooses(tmp_path, name):
    shards = {f"{folder}/s-{i:03}.tar": packed(files(1000 * j + 10 * i, 1)) for j, folder in enumerate(["train", "val"]) for i in range(8)}
    words = [word for pattern in PATTERNS[name] for word in ("--split-parts", pattern)]
    ours, theirs, _ = both(tmp_path, shards, words, [*words, "--sample-type", "CrudeWebdataset"])
    same_files(ours, theirs)


def test_patterns_that_match_nothing_or_leave_shards_over_are_named(tmp_path):
    root = write_shards(tmp_path, {f"s-{i}.tar": packed(files(10 * i, 1)) for i in range(4)})
    text = indexed(root, "--split-parts", "train:s-[01]", "--split-parts", "val:x.tar")
    assert "split val is empty" in text and "2 of 4 shards in no split, the first: s-2.tar" in text
    for word, message in [("train", "names no split"), ("train:(", "no regular expression"), (":x", "names no split")]:
        assert message in indexed(root, "--split-parts", word, code=USAGE)


def test_exclude_leaves_out_what_energon_leaves_out(tmp_path):
    shards = {f"{folder}/s-{i:03}.tar": packed(files(1000 * j + 10 * i, 1)) for j, folder in enumerate(["train", "val"]) for i in range(8)}
    for number, pattern in enumerate(["val/.*[13]", "00[0-5]{1}", "s-{00", "^train", "(2|3)\\.tar$"]):
        words = ["--split-ratio", "8,1,1", "--exclude", pattern]
        ours, theirs, _ = both(tmp_path / str(number), shards, words, [*words, "--sample-type", "CrudeWebdataset"])
        same_files(ours, theirs)


def test_tar_index_only_makes_the_indices_anew_and_nothing_else(tmp_path):
    shards = DATASETS["ustar"]()
    ours, theirs, _ = both(tmp_path, shards, ["--split-ratio", "8,1,1"], ["--split-ratio", "8,1,1", "--sample-type", "CrudeWebdataset"])
    for root in (ours, theirs):
        for index in root.glob("*.idx"):
            index.unlink()
        (root / ".nv-meta/index.sqlite").unlink()
        (root / ".nv-meta/split.yaml").write_text("split_parts:\n  train:\n  - s-3.tar\nexclude: []\n")
        (root / "left-out.tar").write_bytes(packed(files(900, 1)))
    indexed(ours, "--tar-index-only")
    prepared_with(theirs, "--tar-index-only")
    same_files(ours, theirs)
    assert len(read_by_dfm(ours, "train")) == 4

    (ours / "s-3.tar").write_bytes(packed(files(30, 7)))
    before = tables(ours)
    assert "holds 7 samples, .info.json says 4" in indexed(ours, "--tar-index-only", code=DATA)
    assert tables(ours) == before
    (ours / "s-3.tar").unlink()
    assert "s-3.tar" in indexed(ours, "--tar-index-only", code=DATA)
    indexed(ours, "--tar-index-only", "--exclude", "x", code=USAGE)

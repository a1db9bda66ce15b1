"""dfm_index at a terminal (a pty) against `energon prepare` 7.4 with the same answers: the same files."""

import os
import pty
import select
import subprocess
import time

import pytest
from click.testing import CliRunner
from megatron.energon.tools.prepare import command as prepare_command

from conftest import command, ENVIRONMENT
from energon_archives import DATASETS, packed, write_shards
from energon_peer import DONE, same_files, USAGE

CRUDE, CAPTION, IMAGE_CLASS, TEXT = "11", "0", "1", "8"
TYPED = {f"s-{i}.tar": packed([f"{i}.jpg", f"{i}.json", f"{i}.txt", f"{i}b.png", f"{i}b.json"]) for i in range(10)}

# Answers to, in order: split, dataset.yaml?, type, field map?, fields.
DIALOGS = {
    "the documents' answers": (DATASETS["webdataset"], ["8,1,1", "", CRUDE]),
    "spelt out": (DATASETS["ustar"], ["0.5, 0.2, 0.3", "y", CRUDE]),
    "no dataset.yaml": (DATASETS["ustar"], ["8,1,1", "n"]),
    "a field map": (lambda: TYPED, ["8,1,1", "y", CAPTION, "y", "jpg,png", "json[content]"]),
    "an optional field left out": (lambda: TYPED, ["1,1,1", "", IMAGE_CLASS, "", "jpg", "", "json[content]"]),
    "wrong answers on the way": (lambda: TYPED, ["8,1,1", "what?", "y", "x", "99", TEXT, "y", "nope", "txt"]),
}


def at_terminal(root, answers, *words, end=b""):
    """What dfm_index prints when a person types these lines; its exit code."""
    terminal, other_side = pty.openpty()
    process = subprocess.Popen(command("dfm_index", root, "--progress", "off", *words), stdin=other_side, stdout=other_side, stderr=other_side,
                               env=ENVIRONMENT, close_fds=True)
    os.close(other_side)
    os.write(terminal, "".join(f"{answer}\n" for answer in answers).encode() + end)
    output, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            output += piece
        elif process.poll() is not None:
            break
    os.close(terminal)
    return output.decode().replace("\r\n", "\n"), process.wait(timeout=60)


def by_energon(root, answers):
    result = CliRunner().invoke(prepare_command, [str(root), "--no-progress", "--num-workers", "1"], input="".join(f"{a}\n" for a in answers))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", DIALOGS)
def test_the_same_answers_give_the_same_files(tmp_path, name):
    make, answers = DIALOGS[name]
    shards = make()
    ours, theirs = (write_shards(tmp_path / who, shards) for who in ("ours", "theirs"))
    output, code = at_terminal(ours, answers)
    assert code == DONE, output
    by_energon(theirs, answers)
    same_files(ours, theirs)


def test_the_questions_are_those_of_energon(tmp_path):
    ours, theirs = (write_shards(tmp_path / who, TYPED) for who in ("ours", "theirs"))
    answers = ["8,1,1", "y", CAPTION, "y", "jpg", "txt"]
    output, _ = at_terminal(ours, answers)
    for line in by_energon(theirs, answers).splitlines():
        if line.startswith(("Found", "- ", "If you", "Please", "Do you", "The following", "Leave", "You may", "Sample", " - ", "Available")):
            question = line.split(" [")[0].split("): ")[0].split('": ')[0].split("class: ")[0]
            if "part types" in question or question.startswith("Available"):
                question = question.split(":")[0]  # theirs in the order of a set
            assert question in output, f"{question!r} is not in {output}"


def test_an_indexed_folder_is_asked_about_first(tmp_path):
    root = write_shards(tmp_path, DATASETS["ustar"]())
    at_terminal(root, ["8,1,1", "", CRUDE])
    split = root / ".nv-meta/split.yaml"
    before = split.read_bytes()
    output, code = at_terminal(root, ["n"])
    assert code == DONE and "already been prepared" in output and split.read_bytes() == before
    _, code = at_terminal(root, ["y", "1,0,0", "", CRUDE])
    assert code == DONE and split.read_bytes() != before


def test_nothing_is_asked_that_an_option_answers(tmp_path):
    root = write_shards(tmp_path, DATASETS["ustar"]())
    output, code = at_terminal(root, [], "--split-ratio", "8,1,1", "--sample-type", "CrudeWebdataset")
    assert code == DONE and "Please" not in output
    output, code = at_terminal(root, [], "--non-interactive")
    assert code == DONE and "?" not in output


def test_an_input_that_ends_is_an_error_and_not_a_hang(tmp_path):
    root = write_shards(tmp_path, DATASETS["ustar"]())
    output, code = at_terminal(root, ["bad"], end=b"\x04")
    assert code == USAGE and "--non-interactive" in output
    assert not (root / ".nv-meta/.info.json").exists()

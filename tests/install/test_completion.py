"""Completion in a real bash: the function by itself, and TAB in an interactive shell."""

import os
import pty
import re
import subprocess

import pytest


def script(installed, program):
    return installed.prefix / "share/bash-completion/completions" / program


def answers(installed, line, program="dfm_train", breaks="=:", cwd=None):
    """What bash offers for the last word of a line."""
    words = [w for part in line.split(" ") for w in (re.split(f"([{breaks}])", part) if breaks else [part])]
    words = [w for i, w in enumerate(words) if w or i == len(words) - 1]
    quoted = " ".join(f"'{w}'" for w in [program, *words])
    done = installed.run("bash", "--norc", "-c", f"""source "$0"; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}
        _{program} {program}; printf '%s\\n' "${{COMPREPLY[@]}}" """, script(installed, program), cwd=cwd)
    assert done.stderr == ""
    return done.stdout.split()


def test_options_of_the_program_and_common_ones_are_offered(installed):
    assert answers(installed, "--stop") == ["--stop-after-steps"]
    assert answers(installed, "--stop_after") == ["--stop-after-steps"]
    assert answers(installed, "--print") == ["--print-config"]
    assert answers(installed, "--man") == []
    assert {"--ema", "--dtype", "--help"} <= set(answers(installed, "--", "dfm_consolidate"))


def test_sections_come_before_keys(installed):
    assert answers(installed, "tr") == ["train."]
    offered = answers(installed, "train.")
    assert "train.train_iters=" in offered and all(word.startswith("train.") for word in offered)
    assert answers(installed, "scheduler.lr_decay_s") == ["scheduler.lr_decay_style="]


@pytest.mark.parametrize("breaks", ["=:", ""])
def test_choices_of_a_key_are_offered(installed, breaks):
    stem = "" if breaks else "scheduler.lr_decay_style="
    expected = [stem + word for word in ["cosine", "linear", "constant"]]
    assert answers(installed, "scheduler.lr_decay_style=", breaks=breaks) == expected
    assert answers(installed, "scheduler.lr_decay_style=l", breaks=breaks) == [stem + "linear"]


def test_flags_are_true_or_false(installed):
    assert answers(installed, "dataset.mock=") == ["true", "false"]


def test_numbers_have_no_answer(installed):
    assert answers(installed, "train.train_iters=") == []


def test_values_of_options_are_offered_with_a_blank_or_an_equals_sign(installed):
    assert answers(installed, "--log-level w") == ["warning"]
    assert answers(installed, "--log-level=w") == ["warning"]
    assert answers(installed, "--log_level w") == ["warning"]


def test_recipes_of_the_installation_are_offered(installed):
    assert {"dit_s", "dit_xl"} <= set(answers(installed, "--recipe dit"))


def test_arguments_are_sections_and_files(installed, tmp_path):
    (tmp_path / "shards").mkdir()
    assert answers(installed, "", "dfm_index", cwd=tmp_path) == ["index.", "shards"]


def typed(installed, cwd, keys):
    """The line that an interactive bash runs after these keys; the completion of dfm_train serves echo."""
    leader, follower = pty.openpty()
    shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=follower, stdout=subprocess.PIPE,
                             stderr=follower, env={**installed.env, "PS1": ""}, cwd=cwd, start_new_session=True)
    os.write(leader, f"source '{script(installed, 'dfm_train')}'; complete -o default -F _dfm_train echo\n".encode())
    os.write(leader, f"echo {keys}\nexit\n".encode())
    printed, _ = shell.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    return printed.decode()


def test_tab_completes_keys_and_values_on_one_line(installed, tmp_path):
    assert typed(installed, tmp_path, "tr\tprec\tb\t next") == "train.precision=bf16_mixed next\n"


def test_tab_completes_folders_where_a_path_is_due(installed, tmp_path):
    (tmp_path / "my shards").mkdir()
    (tmp_path / "my shards" / "one.tar").touch()
    assert typed(installed, tmp_path, "dataset.path=my\to\t") == "dataset.path=my shards/one.tar\n"

"""latest_checkpointed_iteration.txt: an upper bound for resuming, which a user may lower."""

import shutil

from conftest import TINY, run


def resume(trained, shards, folder, pointer):
    shutil.copytree(trained, folder)
    (folder / "latest_checkpointed_iteration.txt").write_text(f"{pointer}\n")
    return run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=4",
               "train.ema_decay=0.9", ranks=2).stderr


def test_a_pointer_below_a_whole_checkpoint_is_obeyed_and_the_newer_one_is_named(trained, shards, tmp_path):
    printed = resume(trained, shards, tmp_path / "run", 2)
    assert "iter_0000002 at iteration 2" in printed
    [warning] = [line for line in printed.splitlines() if "is left alone" in line]
    assert "latest_checkpointed_iteration.txt says 2" in warning and "iter_0000004" in warning


def test_a_pointer_at_the_newest_is_no_matter_for_a_warning(trained, shards, tmp_path):
    assert "is left alone" not in resume(trained, shards, tmp_path / "run", 4)

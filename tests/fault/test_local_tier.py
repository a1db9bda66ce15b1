"""Checkpoints on the nodes' own disks: two nodes played on one machine are killed, one of them loses its disk or a bit."""

import json
import re
import shutil

import numpy as np
import pytest

from conftest import BIN, MPIRUN, Started
from life import MODEL, NODES, final_weights, kill_all

SHARED_INTERVAL, LOCAL_INTERVAL = 20, 3


def announced_locally(printed):
    """The newest node-local checkpoint."""
    return max(map(int, re.findall(r"checkpoint saved: .*dfm_checkpoints.*iter_(\d+)", printed)), default=0)


class TwoNodes:
    def __init__(self, place):
        self.place, self.shared = place, place / "shared"

    def start(self, *words, ranks=2):
        program = [str(BIN / "dfm_train"), *MODEL, "scheduler.lr_decay_style=constant",
                   f"checkpoint.save={self.shared}",
                   f"checkpoint.save_interval={SHARED_INTERVAL}", f"checkpoint.local_save_interval={LOCAL_INTERVAL}", *words]
        return Started([*MPIRUN, "-n", str(ranks), "sh", "-c", NODES, "nodes", str(self.place), *program])

    def run_until_a_local_checkpoint_is_ahead(self, *words):
        """Kills everything when a node-local checkpoint newer than the first shared one is announced; its step.

        Again where the end came in the middle of a save, with something newer on one node alone or in the shared
        folder: what the nodes hold together is then not what a start goes on from."""
        announced = self.run_until_a_local_checkpoint_is_announced(*words)
        while not self.nodes_hold_the_newest():
            announced = self.run_until_a_local_checkpoint_is_announced(*words)
        return announced

    def nodes_hold_the_newest(self):
        newest = [[path.name for path in self.locals(node)][-1:] for node in (0, 1)]
        shared = [path.parent.name for path in self.shared.glob("iter_*/manifest.json")]
        return newest[0] == newest[1] and newest[0] > [max(shared)]

    def run_until_a_local_checkpoint_is_announced(self, *words):
        process = self.start("train.train_iters=100000", *words)
        process.wait_until(lambda: announced_locally(process.printed()) > SHARED_INTERVAL)
        announced = announced_locally(kill_all(process))
        assert announced > SHARED_INTERVAL, process.printed()
        return announced

    def finish(self, *words, ranks=2):
        """To the end: the step it went on from, its warnings, what was printed."""
        process = self.start(*words, ranks=ranks)
        printed = process.ended(0)
        resumed = re.search(r"resuming from .* at iteration (\d+)", printed)
        return int(resumed[1]), [line for line in printed.splitlines() if "warning:" in line]

    def locals(self, node):
        return sorted((self.place / f"node{node}").glob("dfm_checkpoints_*/iter_*[0-9]"))

    def lose(self, node):
        shutil.rmtree(self.place / f"node{node}")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    nodes = TwoNodes(tmp_path_factory.mktemp("undisturbed"))
    process = nodes.start("checkpoint.local_save_interval=0")
    process.ended(0)
    return final_weights(nodes.shared)


def require_same_bits(nodes, expected):
    ours = final_weights(nodes.shared)
    assert ours.keys() == expected.keys()
    assert all(np.array_equal(ours[key], expected[key]) for key in expected)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_loss_of_a_node_loses_no_announced_step(tmp_path, undisturbed, lost):
    nodes = TwoNodes(tmp_path)
    announced = nodes.run_until_a_local_checkpoint_is_ahead()
    nodes.lose(lost)
    resumed, _ = nodes.finish()
    assert resumed >= announced > SHARED_INTERVAL
    require_same_bits(nodes, undisturbed)


def test_a_flipped_bit_in_a_nodes_file_is_mended_by_its_partner(tmp_path, undisturbed):
    nodes = TwoNodes(tmp_path)
    announced = nodes.run_until_a_local_checkpoint_is_ahead()
    path = nodes.locals(1)[-1] / "rank_00001.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    resumed, warnings = nodes.finish()
    assert resumed >= announced
    assert any("rank_00001.h5 does not have the checksum" in line for line in warnings)
    require_same_bits(nodes, undisturbed)


def test_a_node_whose_disk_is_broken_goes_on_from_its_partners_copies(tmp_path, undisturbed):
    nodes = TwoNodes(tmp_path)
    announced = nodes.run_until_a_local_checkpoint_is_ahead()
    nodes.lose(1)
    (tmp_path / "node1").touch()  # nothing can be written below a file
    resumed, warnings = nodes.finish()
    assert resumed >= announced
    assert any("node 1" in line and "nodes_without_disk" in line for line in warnings)
    events = [json.loads(line) for line in (nodes.shared / "journal.jsonl").read_text().splitlines()]
    failed = [event["event"] for event in events].index("node_disk_failed")
    assert events[failed]["host"]
    assert any(event["event"] == "checkpoint" and event["tier"] == "local" for event in events[failed:])
    require_same_bits(nodes, undisturbed)


def test_without_partner_copies_it_goes_back_to_the_shared_checkpoint_and_says_what_is_lost(tmp_path, undisturbed):
    nodes = TwoNodes(tmp_path)
    announced = nodes.run_until_a_local_checkpoint_is_ahead("checkpoint.partner_copy=false")
    nodes.lose(1)
    resumed, warnings = nodes.finish("checkpoint.partner_copy=false")
    assert resumed % SHARED_INTERVAL == 0 and resumed >= SHARED_INTERVAL
    if resumed < announced:
        assert any("steps are lost" in line for line in warnings), warnings
    require_same_bits(nodes, undisturbed)


def test_other_ranks_go_on_from_what_the_nodes_hold(tmp_path):
    nodes = TwoNodes(tmp_path)
    announced = nodes.run_until_a_local_checkpoint_is_ahead()
    resumed, _ = nodes.finish(ranks=3)
    assert resumed >= announced


def test_a_run_begun_anew_ignores_what_an_earlier_one_left_on_the_nodes(tmp_path):
    nodes = TwoNodes(tmp_path)
    nodes.run_until_a_local_checkpoint_is_ahead()
    shutil.rmtree(nodes.shared)
    process = nodes.start("train.stop_after_steps=1")
    assert "resuming" not in process.ended(75)
    assert len(list((tmp_path / "node0").glob("dfm_checkpoints_*"))) == 2

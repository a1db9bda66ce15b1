"""What a run has told of itself by its checkpoints is there after a power failure that takes all it may."""

import pytest

from life import Life
from power_loss import AlwaysLoses, lose_power


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_losses_up_to_a_checkpoint_survive(tmp_path, ranks):
    life = Life(tmp_path, ranks)
    outcome = life.start(words=["train.stop_after_steps=6"]).end()
    assert outcome.code == 75, outcome.printed
    lose_power(life.journal(), AlwaysLoses())
    assert life.checkpoints()[0] == 6
    assert life.losses().keys() == set(range(1, 7))

"""share/doc/order.md is enough to compute the order of the data: a reading of that page in Python gives what the loader does."""

import random
import subprocess

import pytest

from conftest import BIN

LOW32 = 2**32 - 1
LOW64 = 2**64 - 1


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & LOW64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & LOW64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & LOW64
    return x ^ x >> 31


def philox4x32_10(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) & LOW32, (k[1] + 0xBB67AE85) & LOW32]
    return c


ORDER, BLEND = 5, 11


def below(seed, key, bound, element, stream=ORDER):
    m = mix((mix(seed) + stream) & LOW64)
    words = philox4x32_10((element & LOW32, element >> 32, key & LOW32, key >> 32), (m & LOW32, m >> 32))
    return (words[1] * 2**32 + words[0]) * bound // 2**64


def shuffle(items, seed, key, stream=ORDER):
    for i in range(len(items), 1, -1):
        j = below(seed, key, i, i, stream)
        items[i - 1], items[j] = items[j], items[i - 1]


def epoch_order(shards, epoch, seed, slice_length, slices_in_block):
    slices, first = [], 0
    for count in shards:
        slices += [range(first + at, first + min(at + slice_length, count)) for at in range(0, count, slice_length)]
        first += count
    shuffle(slices, seed, epoch * 2**32 + 0xFFFFFFFF)
    order = []
    for block in range(0, len(slices), slices_in_block):
        samples = [sample for part in slices[block:block + slices_in_block] for sample in part]
        shuffle(samples, seed, epoch * 2**32 + block // slices_in_block)
        order += samples
    return order


def order_of_dfm(shards, seed, slice_length, slices_in_block, first, count):
    words = [seed, slice_length, slices_in_block, first, count, *shards]
    done = subprocess.run([BIN / "order_tool", *map(str, words)], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("shards, slice_length, slices_in_block", [
    ([10], 3, 2), ([1], 1024, 4), ([7, 0, 5, 13], 4, 3), ([100, 30, 1], 16, 1), ([64, 64, 64], 64, 2)])
def test_the_page_describes_the_order(shards, slice_length, slices_in_block):
    seed = random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")
    epochs = 3
    expected = [s for e in range(epochs) for s in epoch_order(shards, e, seed, slice_length, slices_in_block)]
    assert order_of_dfm(shards, seed, slice_length, slices_in_block, 0, epochs * sum(shards)) == expected


def test_an_epoch_has_every_sample_once():
    shards = [50, 3, 20]
    for epoch in range(3):
        assert sorted(order_of_dfm(shards, 1234, 8, 4, epoch * 73, 73)) == list(range(73))


def test_the_order_can_be_entered_anywhere():
    whole = order_of_dfm([40, 21], 5, 8, 2, 0, 122)
    assert order_of_dfm([40, 21], 5, 8, 2, 77, 45) == whole[77:]


# ---------------------------------------------------------------------------------------------- blends

def hand_out(parts, remainders, left):
    for i in sorted(range(len(parts)), key=lambda i: (-remainders[i], i))[:left]:
        parts[i] += 1


def draws_of_weights(weights):
    exact = [weight / sum(weights) * 2**20 for weight in weights]
    draws = [int(x) for x in exact]
    hand_out(draws, [x - int(x) for x in exact], 2**20 - sum(draws))
    return [max(count, 1) if weight > 0 else 0 for count, weight in zip(draws, weights)]


def turns_of_epoch(draws, epoch, seed, round_length):
    """Whose turn it is, position by position."""
    left, turns = list(draws), []
    for number in range(-(-sum(draws) // round_length)):
        whole = min(round_length, sum(left))
        shares = [x * whole // sum(left) for x in left]
        hand_out(shares, [x * whole % sum(left) for x in left], whole - sum(shares))
        turns_of_round = [part for part, count in enumerate(shares) for _ in range(count)]
        shuffle(turns_of_round, seed, epoch * 2**32 + number, BLEND)
        turns += turns_of_round
        left = [x - y for x, y in zip(left, shares)]
    return turns


def blend_order(parts, epochs, seed, slice_length, slices_in_block, round_length):
    """parts: (draws, shards) of each data set."""
    firsts = [sum(sum(shards) for _, shards in parts[:i]) for i in range(len(parts))]
    streams = []
    for i, (draws, shards) in enumerate(parts):
        needed = -(-draws * epochs // sum(shards))
        own = (seed + i * 2**32) & LOW64
        streams.append(iter([firsts[i] + s for e in range(needed)
                             for s in epoch_order(shards, e, own, slice_length, slices_in_block)]))
    draws = [part[0] for part in parts]
    return [next(streams[part]) for e in range(epochs) for part in turns_of_epoch(draws, e, seed, round_length)]


@pytest.mark.parametrize("parts, round_length", [
    ([(10, [10])], 2**20), ([(30, [10, 20]), (14, [7])], 2**20), ([(30, [10, 20]), (14, [7]), (0, [5])], 8),
    ([(100, [9, 3]), (1, [50]), (37, [40, 40])], 16)])
def test_the_page_describes_the_order_of_a_blend(parts, round_length):
    seed = random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")
    epochs, slice_length, slices_in_block = 3, 4, 2
    expected = blend_order(parts, epochs, seed, slice_length, slices_in_block, round_length)
    words = [f"--round={round_length}", seed, slice_length, slices_in_block, 0, len(expected)]
    words += [f"{draws}:{','.join(map(str, shards))}" for draws, shards in parts]
    done = subprocess.run([BIN / "order_tool", *map(str, words)], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == expected


@pytest.mark.parametrize("weights", [[1], [3, 1], [0.1, 0.2, 0.7], [1e-8, 1, 5], [2, 0, 1], [1 / 3, 1 / 3, 1 / 3]])
def test_the_page_describes_the_draws_of_weights(weights):
    done = subprocess.run([BIN / "order_tool", "--weights", *map(repr, weights)], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == draws_of_weights(weights)

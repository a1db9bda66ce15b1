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


def below(seed, key, bound, element):
    m = mix((mix(seed) + 5) & LOW64)
    words = philox4x32_10((element & LOW32, element >> 32, key & LOW32, key >> 32), (m & LOW32, m >> 32))
    return (words[1] * 2**32 + words[0]) * bound // 2**64


def shuffle(items, seed, key):
    for i in range(len(items), 1, -1):
        j = below(seed, key, i, i)
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

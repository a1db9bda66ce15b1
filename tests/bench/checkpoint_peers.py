"""The benchmark's peers: torch.save, safetensors and PyTorch DCP with the same tensors. Prints JSON lines.

usage: checkpoint_peers.py FOLDER MIB [RANK RANKS PORT]    (the last three start DCP on several ranks)
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file

import page_cache

TENSOR_FLOATS = 768 * 3072


def tensors(mib, ranks):
    count, part = mib * 2**20 // 4 // ranks, TENSOR_FLOATS // ranks
    values = torch.rand(count)
    return {f"blocks.{number}": values[at:at + part] for number, at in enumerate(range(0, count, part))}


def flush(folder):
    """What the peers leave to the operating system."""
    for path in [*Path(folder).rglob("*"), Path(folder)]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def report(what, body):
    several = dist.is_initialized()
    if several:
        dist.barrier()
    begun = time.perf_counter()
    result = body()
    if several:
        dist.barrier()
    if not several or dist.get_rank() == 0:
        print(json.dumps({"what": what, "seconds": time.perf_counter() - begun}), flush=True)
    return result


def in_turns(name, folder, save, load):
    def save_durably():
        save()
        flush(folder)
    report(f"{name} save+fsync", save_durably)
    page_cache.forget(path for path in Path(folder).rglob("*") if path.is_file())
    report(f"{name} load, cold", load)
    report(f"{name} load, warm", load)


def dcp_turns(folder, state, rank):
    owned = {f"rank{rank}.{name}": value for name, value in state.items()}
    into = {name: torch.empty_like(value) for name, value in owned.items()}
    path = folder / "dcp"
    path.mkdir(exist_ok=True)
    in_turns("PyTorch DCP", path, lambda: dcp.save(owned, checkpoint_id=path), lambda: dcp.load(into, checkpoint_id=path))
    assert all(torch.equal(into[name], value) for name, value in owned.items())


def single(folder, state):
    """One process: the formats that know of no ranks."""
    for name in ("torch", "safetensors"):
        (folder / name).mkdir(exist_ok=True)
    contiguous = {name: value.clone() for name, value in state.items()}
    pth, safe = folder / "torch/model.pth", folder / "safetensors/model.safetensors"
    in_turns("torch.save", folder / "torch", lambda: torch.save(contiguous, pth),
             lambda: torch.load(pth, weights_only=True))
    in_turns("safetensors", folder / "safetensors", lambda: save_file(contiguous, safe),
             lambda: {name: value.clone() for name, value in load_file(safe).items()})


def main():
    folder, mib = Path(sys.argv[1]), int(sys.argv[2])
    rank, ranks, port = map(int, sys.argv[3:6]) if len(sys.argv) > 3 else (0, 1, 0)
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    folder.mkdir(exist_ok=True)
    state = tensors(mib, ranks)
    if ranks > 1:
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    else:
        single(folder, state)
    dcp_turns(folder, state, rank)
    if ranks > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""make bench: memory of a rank under FSDP on 1, 2, 4 ranks, as the kernel counts it, beside what --plan says.

The model is all parameters: 16 layers 1024 wide, a few tokens. Of the peak of each process's resident memory (VmHWM) that of
the same program with a model of next to nothing is taken off. What ranks divide (gradients, master weights, moments) must
fall as 1/ranks; what stays is shown in blocks: the parameters of two that are gathered, one's gradients before and after they
are summed. usage: fsdp_memory.py BIN [--layers N] [--ranks N ...]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import ENVIRONMENT, MPIRUN  # noqa: E402

MIB = 1 << 20
STEPS = 2
# Each rank is a child of this, which writes down its child's peak.
RANK = """
import os, pathlib, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
pathlib.Path(sys.argv[1], "peak." + os.environ["OMPI_COMM_WORLD_RANK"]).write_text(str(usage.ru_maxrss * 1024))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def words(ranks, layers, hidden, heads):
    return ["--recipe", "dit_s", "--mock", f"model.num_layers={layers}", f"model.hidden_size={hidden}",
            f"model.num_attention_heads={heads}", f"model.ffn_hidden_size={4 * hidden}", "dataset.F_latents=1",
            "dataset.H_latents=8", "dataset.W_latents=8", "dataset.context_seq_len=8", "dataset.mock_samples=16",
            "dataset.task_encoder_seq_length=16", f"train.global_batch_size={ranks}", "train.precision=fp32",
            "train.eval_interval=0", "ddp.use_megatron_fsdp=true"]


def measured(options, ranks, *shape):
    """Bytes of the rank with most."""
    with tempfile.TemporaryDirectory() as folder:
        program = [options.bin.resolve() / "dfm_train", *words(ranks, *shape), f"train.train_iters={STEPS}",
                   "checkpoint.save_interval=0", f"checkpoint.save={folder}/run"]
        command = [*MPIRUN, "-n", ranks, sys.executable, "-c", RANK, folder, *program]
        subprocess.run(list(map(str, command)), env=ENVIRONMENT, check=True, capture_output=True, text=True)
        return max(int(path.read_text()) for path in Path(folder).glob("peak.*"))


def planned(options, ranks, *shape):
    command = [options.bin.resolve() / "dfm_train", *words(ranks, *shape), "--plan", f"plan.ranks={ranks}", "plan.json=true"]
    return json.loads(subprocess.run(list(map(str, command)), env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout)


def block_bytes(options, *shape):
    """The parameters of one layer."""
    layers, *rest = shape
    more = planned(options, 1, layers + 1, *rest)["parameters"] - planned(options, 1, layers, *rest)["parameters"]
    return 4 * more


def report(options):
    shape = (options.layers, 1024, 16)
    block = block_bytes(options, *shape)
    print(f"FSDP, {options.layers} layers of {block / MIB:.0f} MiB of parameters each, float32\n")
    print("| ranks | measured MiB | without the program | plan MiB | divided, plan | 1/ranks of it | rest, measured | "
          "rest in blocks |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
    whole = None
    for ranks in options.ranks:
        peak = measured(options, ranks, *shape)
        own = peak - measured(options, ranks, 1, 64, 1)
        memory = planned(options, ranks, *shape)["memory_bytes"]
        divided = memory["gradients"] + memory["optimizer"]
        whole = whole or divided * ranks
        print(f"| {ranks} | {peak / MIB:,.0f} | {own / MIB:,.0f} | {memory['peak'] / MIB:,.0f} | {divided / MIB:,.0f} | "
              f"{whole / ranks / MIB:,.0f} | {(own - divided) / MIB:,.0f} | {(own - divided) / block:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    report(parser.parse_args())


if __name__ == "__main__":
    main()

"""Saves a small model as Megatron-Core does: megatron_writer.py FOLDER, two processes with half of every layer each.

Writes FOLDER/torch_dist and, from the processes' own tensors, FOLDER/expected_RANK.pt: (key, offsets, tensor) of each part.
The processes are forked from one that has loaded Megatron; modules are loaded in functions because Megatron's own
helper processes load this file again.
"""

import multiprocessing
import os
import sys

RANKS = 2
LAYERS = 3


def without_a_gpu():
    """Megatron waits for the device before it writes, and has flags reduced there."""
    import torch

    torch.cuda.synchronize = lambda *_: None
    torch.cuda.current_device = lambda: torch.device("cpu")


def build_model():
    import torch
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.models.gpt.gpt_model import GPTModel
    from megatron.core.transformer.transformer_config import TransformerConfig

    config = TransformerConfig(num_layers=LAYERS, hidden_size=32, num_attention_heads=4, use_cpu_initialization=True,
                               tensor_model_parallel_size=RANKS, pipeline_dtype=torch.float32)
    model = GPTModel(config, get_gpt_layer_local_spec(), vocab_size=64, max_sequence_length=16)
    generator = torch.Generator().manual_seed(11)
    for parameter in model.parameters():  # the same on both ranks: what is replicated must agree
        parameter.data.normal_(generator=generator)
    return model


def with_prefix(parts, prefix):
    """The parts as an optimizer saves its moments: the same cuts under other keys."""
    import dataclasses

    return {name: dataclasses.replace(part, key=prefix + part.key, data=part.data * 0)
            for name, part in parts.items() if hasattr(part, "local_shape")}


def save(rank, folder):
    import torch
    import torch.distributed as dist
    from megatron.core import dist_checkpointing, parallel_state

    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=RANKS)
    parallel_state.initialize_model_parallel(tensor_model_parallel_size=RANKS)
    parts = build_model().sharded_state_dict(prefix="")
    torch.save([(part.key, part.global_offset, part.data.detach().clone()) for part in parts.values()
                if hasattr(part, "local_shape")], f"{folder}/expected_{rank}.pt")
    os.makedirs(f"{folder}/torch_dist", exist_ok=True)
    dist_checkpointing.save({**parts, "optimizer": with_prefix(parts, "optimizer.state.exp_avg."), "iteration": 7},
                            f"{folder}/torch_dist")


def main():
    import megatron.core.models.gpt.gpt_model  # noqa: F401: once for all processes

    without_a_gpu()
    children = []
    for rank in range(RANKS):
        child = os.fork()
        if child == 0:
            save(rank, sys.argv[1])
            for helper in multiprocessing.active_children():
                helper.terminate()
            os._exit(0)
        children.append(child)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children))


if __name__ == "__main__":
    main()

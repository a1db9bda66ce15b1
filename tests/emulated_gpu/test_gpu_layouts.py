"""Layouts of ranks with a GPU each: the losses of one rank on the CPU, by NCCL (emulated) and through the host."""

import pytest

from conftest import run
from emulated import assert_same_losses, on_gpus, train, waits_of_two_steps

TENSOR_2, CONTEXT_2 = ["model.tensor_model_parallel_size=2"], ["model.context_parallel_size=2"]
STAGES_2, EXPERTS_2 = ["model.pipeline_model_parallel_size=2"], ["model.expert_model_parallel_size=2"]
FSDP = ["ddp.use_megatron_fsdp=true"]
LAYOUTS = {
    "data": ("dit", 3, []),
    "tensor": ("dit", 4, ["model.tensor_model_parallel_size=4"]),
    "tensor, wan": ("wan", 2, TENSOR_2),
    "tensor, stdit": ("stdit", 2, TENSOR_2),
    "ring": ("dit", 2, [*CONTEXT_2, "model.cp_comm_type=p2p"]),
    "ring, stdit": ("stdit", 2, [*CONTEXT_2, "model.cp_comm_type=p2p"]),
    "exchange of heads": ("wan", 2, [*CONTEXT_2, "model.cp_comm_type=a2a"]),
    "ring and exchange": ("dit", 4, ["model.context_parallel_size=4", "model.cp_comm_type=a2a+p2p",
                                     'model.hierarchical_context_parallel_sizes=["2","2"]']),
    "shards": ("moviegen", 3, FSDP),
    "tensor and ring": ("ecdit", 4, [*TENSOR_2, *CONTEXT_2]),
    "experts": ("ecdit", 2, EXPERTS_2),
    "experts and tensor": ("ecdit", 4, [*EXPERTS_2, *TENSOR_2]),
    "experts and stages": ("ecdit", 4, [*EXPERTS_2, *STAGES_2]),
    "stages": ("dit", 2, STAGES_2),
    "stages of two chunks": ("dit", 2, [*STAGES_2, "model.virtual_pipeline_model_parallel_size=2", "model.num_layers=4",
                                        "dataset.batching=fixed_length", "train.micro_batch_size=1"]),
    "stages and shards": ("dit", 4, [*STAGES_2, *FSDP]),
    "stages and tensor": ("wan", 4, [*STAGES_2, *TENSOR_2]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gpus_give_the_losses_of_one_rank_on_the_cpu(tmp_path, layout):
    family, ranks, words = LAYOUTS[layout]
    of_network = [word for word in words if word.startswith(("model.num_layers", "dataset", "train"))]
    train(run, tmp_path / "cpu", family, *of_network)
    for collectives in ("nccl", "host"):
        train(on_gpus, tmp_path / collectives, family, *words, f"device.collectives={collectives}", ranks=ranks)
        assert_same_losses(tmp_path / collectives, tmp_path / "cpu", 1e-5)


@pytest.mark.parametrize("layout", ["data", "tensor", "ring", "exchange of heads", "shards", "experts", "stages", "stages of two chunks", "stages and shards"])
def test_by_nccl_the_host_waits_once_a_step(tmp_path, layout):
    family, ranks, words = LAYOUTS[layout]
    assert waits_of_two_steps(tmp_path, family, *words, ranks=ranks) == {"copy to the host": 2 * ranks}


def test_ranks_that_share_a_gpu_exchange_through_the_host(tmp_path):
    printed = train(on_gpus, tmp_path / "gpu", "dit", *TENSOR_2, ranks=2, env={"DFM_EMULATED_GPUS": "1"})
    assert "tensors go between the GPUs of 2 ranks through the host" in printed
    train(run, tmp_path / "cpu", "dit")
    assert_same_losses(tmp_path / "gpu", tmp_path / "cpu", 1e-5)


def test_nccl_between_ranks_that_share_a_gpu_is_refused(tmp_path):
    printed = train(on_gpus, tmp_path, "dit", *TENSOR_2, "device.collectives=nccl", ranks=2, env={"DFM_EMULATED_GPUS": "1"}, code=2)
    assert "share a GPU, which NCCL does not allow" in printed and "device.collectives=host" in printed

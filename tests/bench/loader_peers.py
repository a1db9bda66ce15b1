"""The peers of loader.py: megatron-energon and webdataset over the same shards, in this process alone.

usage: loader_peers.py energon|webdataset ROOT raw|decoded BATCH SAMPLES; prints a line of JSON as loader_bench does
"""

import json
import resource
import sys
import time
from pathlib import Path


def energon(root, decoded, batch):
    from megatron.energon import (Cooker, DefaultTaskEncoder, Sample, SampleDecoder, WorkerConfig, basic_sample_keys, edataclass,
                                  get_loader, get_train_dataset, stateless)

    @edataclass
    class Parts(Sample):
        parts: dict

    @stateless
    def cook(sample):
        return Parts(**basic_sample_keys(sample), parts={k: v for k, v in sample.items() if not k.startswith("__")})

    class Encoder(DefaultTaskEncoder):
        decoder = SampleDecoder() if decoded else None
        cookers = [Cooker(cook)]

        @stateless
        def batch(self, samples):
            return samples

    config = WorkerConfig(rank=0, world_size=1, num_workers=0)
    dataset = get_train_dataset(root, worker_config=config, batch_size=batch, shuffle_buffer_size=None, max_samples_per_sequence=None,
                                task_encoder=Encoder())
    return iter(get_loader(dataset))


def webdataset_loader(root, decoded, batch):
    import io
    import pickle

    import torch
    import webdataset

    handlers = [webdataset.handle_extension("pth", lambda data: torch.load(io.BytesIO(data))),
                webdataset.handle_extension("pickle", pickle.loads), webdataset.handle_extension("json", json.loads)]
    shards = [str(path) for path in sorted(Path(root).glob("*.tar"))]
    dataset = webdataset.WebDataset(shards * 100, shardshuffle=False, empty_check=False)
    if decoded:
        dataset = dataset.decode(*handlers)
    return iter(dataset.batched(batch, collation_fn=list))


def main():
    peer, root, mode, batch, samples = sys.argv[1:]
    batch, samples = int(batch), int(samples)
    loader = (energon if peer == "energon" else webdataset_loader)(root, mode == "decoded", batch)
    next(loader)  # the start is not what is compared
    begun, begun_cpu, tenths, done = time.perf_counter(), time.process_time(), [], 0
    while done < samples:
        next(loader)
        done += batch
        while len(tenths) < 10 and done * 10 >= samples * (len(tenths) + 1):
            tenths.append(time.perf_counter() - begun)
    print(json.dumps({"samples": done, "seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - begun_cpu, "tenths": tenths,
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()

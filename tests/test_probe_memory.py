"""Looking into a run needs little memory beyond its network, however many pictures there are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alexnet.dataset.packed import open_packed
from alexnet.recipe import Recipe
from alexnet.training.loop import State
from alexnet.verbs.prepare import prepare
from alexnet.verbs.starting import opened

MEASURE = """
import json, os, sys, threading, time
import torch
import alexnet
from alexnet.run import open_run
from alexnet.verbs.probe import Choice
from alexnet.verbs.report import report

run, page = sys.argv[1], os.sysconf("SC_PAGE_SIZE")
most = {"own": 0, "all": 0}

def resident():
    whole, mapped = map(int, open("/proc/self/statm").read().split()[1:3])
    return (whole - mapped) * page, whole * page  # the process's own, and with the files that it maps

def watch():
    while True:
        for name, size in zip(most, resident()):
            most[name] = max(most[name], size)
        time.sleep(0.005)

network = open_run(run).network()
network(torch.zeros(1, 3, 28, 28))
start = resident()
threading.Thread(target=watch, daemon=True).start()
told = {}
for name, look in {
    "index": lambda: alexnet.similar(run, from_="test", k=6, sheet=sys.argv[2] + "/sheet.png"),
    "agreement": lambda: alexnet.agreement(run, from_="test", queries=1000),
    "units": lambda: alexnet.probe(run, "units", layer="conv5"),
    "mistake": lambda: alexnet.probe(run, "mistake", choice=Choice("test", 2)),
    "texture": lambda: alexnet.probe(run, "texture"),
    "occlusion": lambda: alexnet.probe(run, "occlusion", choice=Choice("test", 2)),
    "gradients": lambda: alexnet.probe(run, "gradients"),
    "codes": lambda: alexnet.codes(run, bits=128, steps=100),
    "report": lambda: report(run),
}.items():
    began = time.time()
    most.update(own=0, all=0)
    look()
    told[name] = [most["own"] - start[0], most["all"] - start[1], round(time.time() - began, 1)]
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of a process from /proc")
def test_probes_and_index_of_50_000_pictures_take_less_than_a_gigabyte(data: Path, tmp_path: Path) -> None:
    """CIFAR-10 and 4096 features of each picture, as the last hidden layer of the 2012 network has them."""
    prepare(data / "cifar10-jpeg.tar.gz", tmp_path / "packed", size=32)
    packed = open_packed(tmp_path / "packed")
    assert packed.counts["train"] == 50_000
    recipe = Recipe(
        name="wide", network="alexnet-2012-32", options={"dense": (512, 4096)}, crop=28, mean="channel",
        epochs=1, learning_rate=0.01,
    )  # fmt: skip
    run = opened(recipe, packed, tmp_path / "run", None)
    torch.manual_seed(0)
    weights = run.build().state_dict()
    run.save(dict(weights), {}, State(step=1, steps=1, images=128).document(), steps=1)
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, str(run.path), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    print(json.dumps(found))
    features = tmp_path / "run" / "index" / "hidden-train.npy"
    assert features.stat().st_size > 50_000 * 4096 * 4  # more than all of it may take
    for name, (own, _, _) in found.items():
        assert own < 1e9, f"{name}: {own / 1e6:.0f} MB beyond the network"

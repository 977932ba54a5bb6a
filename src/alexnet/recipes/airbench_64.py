"""A small network for an answer in minutes: photographs of 64 pixels on a processor.

Expected: 45.84 % on 50 classes of Tiny ImageNet in 8 of its 20 epochs, two views; see docs/minutes.md.
Cost: half an hour of two cores.
Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), as `airbench-s`; a fourth block and
crops of random area (GoogLeNet, §6) for larger pictures are ours.
Run: alexnet train airbench-64 --data packed/tiny --out runs/airbench-64 --time 30m
"""

from alexnet.recipes import airbench_s
from alexnet.schedule import OneCycle

RECIPE = airbench_s.RECIPE.model_copy(
    update={
        "name": "airbench-64",
        "network": "airbench-64",
        "crop": 64,
        "pad": 0,
        "pad_with": "mean",
        "area": (0.25, 1.0),
        "epochs": 20,
        "batch": 250,
        "learning_rate": OneCycle(begin=0.06, peak=0.32, end=0.02, rise=0.23),
    }
)

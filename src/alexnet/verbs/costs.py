"""`alexnet compare --costs`: what runs cost beside each other: training, answers a second, memory, disk."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from alexnet.memory import forget_most, most_held
from alexnet.networks.summary import summarise, total
from alexnet.progress import Progress
from alexnet.run import Run, open_run
from alexnet.serving.answering import answering
from alexnet.training.loop import State

ROUNDS = 7  # in each of which every run answers once
BATCH = 32


@dataclass(frozen=True)
class Costs:
    """What one run cost and costs; rates are pictures a second by the median of interleaved rounds."""

    training_seconds: float
    training_rate: float  # pictures a second, with the reading of them
    parameters: int
    multiply_adds: int  # of one picture
    disk_bytes: int  # of the weights
    one_thread: float  # answers a second, batches of 32
    all_threads: float
    one_by_one: float  # batches of one, all threads
    threads: int
    memory_bytes: int  # most that answering a batch of 32 needed beyond the program itself


def costs_of(runs: Sequence[Run], device: torch.device, progress: Progress) -> list[Costs]:
    """Measure `runs` beside each other: every round asks each of them once."""
    threads = torch.get_num_threads()
    kinds = {"one_thread": (1, BATCH), "all_threads": (threads, BATCH), "one_by_one": (threads, 1)}
    with progress("what answers cost", len(kinds) * ROUNDS + len(runs)) as advance:
        rates = {name: _rates(runs, device, used, batch, advance) for name, (used, batch) in kinds.items()}
        torch.set_num_threads(threads)
        found = []
        for number, run in enumerate(runs):
            memory = _memory(run.path, device)
            found.append(_costs(run, {name: each[number] for name, each in rates.items()}, threads, memory))
            advance()
    return found


def _costs(run: Run, rates: dict[str, float], threads: int, memory: int) -> Costs:
    checkpoint, shape = run.checkpoint(), _shape(run)
    state = State(**checkpoint.state) if checkpoint else State()
    stepping = state.data_seconds + state.compute_seconds
    whole = total(summarise(run.build(), shape))
    weights = sum(file.stat().st_size for file in checkpoint.weight_files()) if checkpoint else 0
    return Costs(
        training_seconds=stepping + state.validation_seconds + state.saving_seconds,
        training_rate=state.images / stepping if stepping else 0.0,
        parameters=whole.parameters,
        multiply_adds=whole.multiply_adds,
        disk_bytes=weights,
        **rates,
        threads=threads,
        memory_bytes=memory,
    )


def _rates(
    runs: Sequence[Run], device: torch.device, threads: int, batch: int, advance: Callable[[], None]
) -> list[float]:
    torch.set_num_threads(threads)
    answers = [_answer(run, device, batch) for run in runs]
    for answer in answers:
        answer()
    rounds = []
    for _ in range(ROUNDS):
        rounds.append([_seconds(answer, device) for answer in answers])
        advance()
    return [batch / median(each) for each in zip(*rounds, strict=True)]


def _answer(run: Run, device: torch.device, batch: int) -> Callable[[], Tensor]:
    network = answering(run, device)
    images = torch.zeros(batch, *_shape(run), device=device).to(memory_format=torch.channels_last)
    return torch.inference_mode()(partial(network, images))


def _seconds(answer: Callable[[], Tensor], device: torch.device) -> float:
    began = time.perf_counter()
    answer()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def _shape(run: Run) -> tuple[int, int, int]:
    return run.preprocessing.channels, run.preprocessing.crop, run.preprocessing.crop


def _memory(path: Path, device: torch.device) -> int:
    """Bytes that a process of its own needed at most for one batch, beyond what it had with torch loaded."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return int(pool.apply(_peak, (str(path), str(device))))


def _peak(path: str, device: str) -> int:
    where = torch.device(device)
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats(where)
        _answer(open_run(path), where, BATCH)()
        return torch.cuda.max_memory_allocated(where)
    before = forget_most()
    _answer(open_run(path), where, BATCH)()
    return max(most_held() - before, 0)

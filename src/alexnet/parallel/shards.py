"""Tensors of which every rank keeps some rows, in a folder where each rank writes a file of its own.

By `torch.distributed.checkpoint` in its safetensors form: the header of a file says where its rows begin, so
that any number of ranks finds its own among them. (The form that module has by default keeps a pickle beside
the tensors, and reading one runs what is in it.)
"""

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from alexnet.files import write_json
from alexnet.parallel.exchange import exchange, from_all, meet
from alexnet.parallel.world import World
from alexnet.problem import Problem

INDEX = "index.json"  # names the files, so that one that is missing is told
SAVING = "saving a checkpoint"


def write_shards(folder: Path, tensors: Mapping[str, Tensor], here: World) -> None:
    """Write `folder`, each rank its rows of the DTensors among `tensors`, the first all plain tensors.

    All ranks call it. The folder appears whole; one of an earlier attempt gives way.
    """
    # a second's import, for the few who need it
    from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    partial = folder.with_name(f".{folder.name}.partial")
    if here.is_first:
        for old in (partial, folder):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
    meet(here, what=SAVING)
    writer = HuggingFaceStorageWriter(str(partial), save_distributed=True)
    planner = DefaultSavePlanner(dedup_save_to_lowest_rank=True)
    with exchange(SAVING, here), _one_line(folder):
        save(dict(tensors), storage_writer=writer, planner=planner, process_group=here.patient)
    own = [file.name for file in partial.glob(f"shard-{here.rank + 1:05d}-*.safetensors")]
    every = from_all(own, here, what=SAVING)  # each knows its own: a shared disk may show the others' late
    if here.is_first:
        write_json(partial / INDEX, {"files": sorted(chain.from_iterable(every))})
        partial.replace(folder)
    meet(here, what=SAVING)


def shard_files(folder: Path) -> list[Path]:
    """The files of `folder`; a Problem where one is missing."""
    try:
        names = json.loads((folder / INDEX).read_text(encoding="utf-8"))["files"]
        files = [folder / str(name) for name in names]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Problem(f"cannot read {folder / INDEX}: {error}") from None
    missing = [file.name for file in files if file.parent != folder or not file.is_file()]
    if missing:
        raise Problem(f"{folder} is damaged: {', '.join(missing)} is missing")
    return files


def read_shards(folder: Path) -> dict[str, Tensor]:
    """Whole tensors from all files of `folder`, in a process that need not know of others."""
    tensors = {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in described(folder).items()}
    with warnings.catch_warnings():  # that there is no other process is what is meant here
        warnings.filterwarnings("ignore", message=".*single process", category=UserWarning)
        _load(folder, tensors, no_dist=True)
    return tensors


def read_own(folder: Path, tensors: Mapping[str, Tensor], here: World) -> None:
    """Fill this rank's rows of `tensors`, named and shaped as those of `folder`; all ranks call it."""
    with exchange("reading a checkpoint", here):
        _load(folder, dict(tensors), process_group=here.patient)


def described(folder: Path) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and type of the whole tensors of `folder`."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

    shard_files(folder)
    with _one_line(folder):
        stored: Any = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
        return {name: (each.size, each.properties.dtype) for name, each in stored.items()}


def _load(folder: Path, tensors: dict[str, Tensor], **how: Any) -> None:
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    with _one_line(folder):
        load(tensors, storage_reader=HuggingFaceStorageReader(str(folder)), **how)


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    from torch.distributed.checkpoint.api import CheckpointException

    try:
        yield
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise Problem(f"cannot read {folder}: {error}") from None
    except CheckpointException as error:  # of any rank; no RuntimeError, and no Exception
        rank, (reason, _) = next(iter(error.failures.items()))
        raise Problem(f"{folder}: rank {rank}: {str(reason).splitlines()[0]}") from None

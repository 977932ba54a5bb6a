"""The index beside a run: features of a split, the same rounded, and codes that were learned from them.

RUN/index/LAYER-SPLIT.npy        features, float32 [N, F], memory-mapped
RUN/index/LAYER-SPLIT.int8.npy   the same in eight bits, LAYER-SPLIT.int8.npz what belongs to them
RUN/index/LAYER-SPLIT.json       of which weights and data they are; written last
RUN/index/LAYER-SPLIT.BITS-bits.safetensors   hyperplanes and codes, uint8 [N, BITS / 8]
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from alexnet.files import write_json, written_whole
from alexnet.parallel import World, from_first, joined, meet, part, world
from alexnet.probing.autoencoder import learned
from alexnet.probing.coarse import WIDEST, Coarse, open_coarse, save_coarse, unrounded
from alexnet.probing.codes import CODES, Coder, require_bits
from alexnet.probing.features import FEATURES, HIDDEN, features, layer_told, open_features, save_features
from alexnet.probing.hamming import nearest_codes
from alexnet.probing.search import Neighbours, nearest
from alexnet.problem import Problem
from alexnet.progress import silent
from alexnet.run import Run
from alexnet.verbs.probe.asked import Asked
from alexnet.verbs.ranks import share_of

FORMAT = 1
PIECE = 4096  # rows that are copied at a time


@dataclass(frozen=True)
class Index:
    """Features of a split of the pack: rows are opened when they are asked for, and memory-mapped."""

    asked: Asked
    layer: str
    split: str
    stem: Path  # RUN/index/LAYER-SPLIT
    facts: dict[str, Any]  # of which weights and data it is

    @cached_property
    def features(self) -> FEATURES:
        """Rows [N, F]."""
        return open_features(self.stem.with_name(f"{self.stem.name}.npy"))

    @cached_property
    def coarse(self) -> Coarse:
        """The same rounded; or as they are, where rows are too long for products in 32 bits."""
        path = self.stem.with_name(f"{self.stem.name}.int8.npy")
        return unrounded(self.features) if self.features.shape[1] > WIDEST else open_coarse(path)

    def queries(self, pictures: "np.ndarray[Any, np.dtype[np.uint8]]", batch: int = 64) -> FEATURES:
        """Features of prepared pictures [B, size, size, 3]: [B, F]."""
        shares = (pictures[start : start + batch] for start in range(0, len(pictures), batch))
        network = self.asked.network
        return np.concatenate([features(network, self.asked.inputs(share), self.layer) for share in shares])

    def nearest(self, queries: FEATURES, k: int) -> Neighbours:
        """The exact neighbours of rows [B, F]."""
        return nearest(self.features, queries, k, self.coarse)

    def codes(self, bits: int) -> tuple[Coder, CODES]:
        """The coder learned with `bits` bits, and its codes [N, bits / 8]; a Problem where there is none."""
        path, run = self.codes_path(bits), self.asked.run.path
        how = f"learn them with `alexnet codes {run} --bits {bits}`"
        if not path.is_file():
            raise Problem(f"{run} has no codes of {bits} bits for {self.stem.name}; {how}")
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("index") != self.digest:
                    raise Problem(f"the codes of {bits} bits are of other weights or data; {how}")
                coder = Coder(file.get_tensor("weights"), file.get_tensor("thresholds"))
                return coder, file.get_tensor("codes").numpy()
        except (OSError, SafetensorError) as error:
            raise Problem(f"cannot read {path}: {error}; {how}") from None

    def nearest_by_codes(self, queries: FEATURES, k: int, bits: int) -> Neighbours:
        """The neighbours of rows [B, F] by learned codes: distances are bits that differ."""
        coder, codes = self.codes(bits)
        return nearest_codes(codes, coder(queries), k)

    def learn(self, bits: int, *, seed: int, steps: int) -> Path:
        """Learn codes and save them with their coder."""
        require_bits(bits)
        path = self.codes_path(bits)
        if not world().is_first:
            return path
        coder = learned(self.features, bits, seed=seed, steps=steps, progress=self.asked.progress)
        tensors = {"weights": coder.weights, "thresholds": coder.thresholds}
        tensors["codes"] = torch.from_numpy(coder(self.features))
        facts = {"index": self.digest, "seed": str(seed), "steps": str(steps)}
        with written_whole(path) as partial:
            save_file({name: each.contiguous() for name, each in tensors.items()}, partial, metadata=facts)
        return path

    def codes_path(self, bits: int) -> Path:
        """Where codes of this length are kept."""
        return self.stem.with_name(f"{self.stem.name}.{bits}-bits.safetensors")

    @property
    def digest(self) -> str:
        """Of the weights, the data and the layer."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()


def open_index(asked: Asked, *, layer: str = HIDDEN, split: str = "train") -> Index:
    """The index of a layer over a split of the pack; made where there is none of these weights and data."""
    index, path = _index(asked, layer, split)
    with joined(device=asked.device) as here:
        if not from_first(_read(path) == index.facts, here, what="looking for an index"):
            _make(index, path, here)
    return index


def found_index(asked: Asked, *, layer: str = HIDDEN, split: str = "train") -> Index | None:
    """The same where it is there already; none is made."""
    index, path = _index(asked, layer, split)
    return index if _read(path) == index.facts else None


def _index(asked: Asked, layer: str, split: str) -> tuple[Index, Path]:
    asked.packed.split(split)
    layer_told(asked.network, layer)
    stem = asked.run.path / "index" / f"{layer}-{split}"
    index = Index(asked, layer, split, stem, _facts(asked, layer, split))
    return index, stem.with_name(f"{stem.name}.json")


def _make(index: Index, path: Path, here: World) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)  # without it nothing else is trusted
    split = index.asked.packed.split(index.split)
    share = share_of(len(split), here)
    own, count = _share_path(path, *share), part(len(split), *share)
    title = f"features of {index.split}, {layer_told(index.asked.network, index.layer)}"
    progress = index.asked.progress if here.is_first else silent
    with progress(title, count.stop - count.start) as advance:

        def parts() -> Iterator[FEATURES]:
            for images in index.asked.batches(split, share):
                yield features(index.asked.network, images, index.layer)
                advance(len(images))

        if share[1] > 1 or here.is_first:
            save_features(own, parts(), count=count.stop - count.start)
    meet(here, what="computing features")
    if here.is_first:
        _complete(index, path, [_share_path(path, one, share[1]) for one in range(share[1])])
    meet(here, what="writing the index")


def _share_path(path: Path, share: int, of: int) -> Path:
    return path.with_suffix(".npy") if of == 1 else path.with_suffix(f".{share}-of-{of}.npy")


def _complete(index: Index, path: Path, shares: Sequence[Path]) -> None:
    """Join what the ranks have written, round it, and say what it is of."""
    if len(shares) > 1:
        rows_of = [open_features(share) for share in shares]
        pieces = (rows[start : start + PIECE] for rows in rows_of for start in range(0, len(rows), PIECE))
        save_features(path.with_suffix(".npy"), pieces, count=sum(map(len, rows_of)))
        for share in shares:
            share.unlink()
    rows = open_features(path.with_suffix(".npy"))  # not the index's own: these are all read, and let go
    if rows.shape[1] <= WIDEST:
        save_coarse(rows, path.with_suffix(".int8.npy"))
    write_json(path, index.facts)


def _facts(asked: Asked, layer: str, split: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "layer": layer,
        "split": split,
        "images": len(asked.packed.split(split)),
        "dataset": asked.packed.fingerprint,
        "weights": weights_digest(asked.run),
    }


def weights_digest(run: Run) -> str:
    """SHA-256 of the newest weights and of what is done to pixels before them."""
    checkpoint = run.checkpoint()
    if checkpoint is None:
        raise Problem(f"{run.path} holds no weights yet; repeat its `alexnet train` command")
    digest = hashlib.sha256()
    for path in (*checkpoint.weight_files(), run.path / "preprocessing.safetensors"):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

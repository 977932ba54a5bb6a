"""Preparing full-size photographs at 256 beside the two ways in which one would write it, two threads each.

Every way reads the same tar, brings the shorter side to 256 by bicubic with antialias, takes the centre and
writes uint8 [N, 256, 256, 3] to an .npy file. The peers do no more than that; ours also hashes every picture,
checks that none is cut short, measures the mean image and the colours, and writes a manifest. Pillow resizes
only the box that the crop needs, which is its fastest way to the same pixels; torchvision decodes to a tensor
and uses its v2 transforms, with one thread of torch in each of the two.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alexnet.dataset.decode import decode
from alexnet.dataset.packed import Encoding, open_packed
from alexnet.verbs.prepare import prepare
from benchmarks.photographs import photographs
from benchmarks.table import Row, compared, rate
from benchmarks.timing import interleaved

SIZE = 256
THREADS = 2
ROUNDS = 7

Pixels = NDArray[np.uint8]


def rows() -> Iterator[Row]:
    """Rates beside the peers, how near the pixels are to Pillow's, and memory for N and 2N pictures."""
    source = photographs()
    with tempfile.TemporaryDirectory() as folder:
        yield from _rates(source, Path(folder))
        yield _agreement(source, Path(folder))
        yield from _memory(source, Path(folder))


def _rates(source: Path, folder: Path) -> Iterator[Row]:
    count, threads = len(_names(source)), torch.get_num_threads()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="torchvision")  # its decoders are to go
    times = interleaved(
        {
            "ours": partial(ours, source, folder, "raw"),
            "Pillow": partial(by_threads, pillow, source, folder / "pillow.npy"),
            "torchvision": partial(by_threads, torchvision, source, folder / "torchvision.npy"),
            "jpeg": partial(ours, source, folder, "jpeg"),
            "decoding": partial(decoding, source),
        },
        ROUNDS,
    )
    torch.set_num_threads(threads)
    what = f"preparing {count} photographs at {SIZE}, {THREADS} threads"
    peers = {
        "Pillow": "Pillow: decode, resize of the box, two threads",
        "torchvision": "torchvision: decode_jpeg, v2 resize and crop, two threads",
    }
    for name, peer in peers.items():
        pair = {"ours": times["ours"], "peer": times[name]}
        yield compared(what, peer, pair, f"{count / np.median(times['ours']):.0f}", "images/s")
    yield rate(f"{what}, --encoding jpeg", count, times["jpeg"])
    yield rate(f"nothing but decoding {count} photographs, {THREADS} threads", count, times["decoding"])


def ours(source: Path, folder: Path, encoding: Encoding) -> None:
    """The whole of `alexnet prepare`, into a new folder."""
    with tempfile.TemporaryDirectory(dir=folder) as packed:
        prepare(source, packed, size=SIZE, encoding=encoding, val_fraction=0.0, workers=THREADS)


def decoding(source: Path) -> None:
    """What no way of preparing can do without."""
    with tarfile.open(source) as tar, ThreadPoolExecutor(THREADS) as pool:
        contents = [file.read() for member in tar if (file := tar.extractfile(member))]
        deque(pool.map(lambda content: decode(content).shape, contents), maxlen=0)


def by_threads(work: Callable[[bytes], Pixels], source: Path, path: Path) -> None:
    """A peer's way: read the tar, work in threads, write the pixels in order."""
    shape = (len(_names(source)), SIZE, SIZE, 3)
    pixels = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    waiting: deque[Future[Pixels]] = deque()
    written = 0
    with tarfile.open(source) as tar, ThreadPoolExecutor(THREADS) as pool:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            waiting.append(pool.submit(work, file.read()))
            if len(waiting) > 4 * THREADS:
                pixels[written] = waiting.popleft().result()
                written += 1
        for future in waiting:
            pixels[written] = future.result()
            written += 1
    pixels.flush()


def pillow(content: bytes) -> Pixels:
    """Decode, then resize no more than the crop needs."""
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened if opened.mode == "RGB" else opened.convert("RGB")
        resized = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=crop_box(*picture.size))
        return np.asarray(resized)


def crop_box(width: int, height: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what becomes the central square once the shorter side is SIZE."""
    shorter = min(width, height)
    box = []
    for side in (width, height):
        longer = max(SIZE, round(side * SIZE / shorter))
        start = (longer - SIZE) // 2
        box.append((start * side / longer, (start + SIZE) * side / longer))
    (left, right), (top, bottom) = box
    return left, top, right, bottom


def torchvision(content: bytes) -> Pixels:
    """Decode, resize the shorter side, crop the centre."""
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional as v2

    data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    picture = decode_jpeg(data, mode=ImageReadMode.RGB)
    resized = v2.resize(picture, [SIZE], interpolation=InterpolationMode.BICUBIC, antialias=True)
    return np.asarray(v2.center_crop(resized, [SIZE, SIZE]).permute(1, 2, 0).numpy())


def _names(source: Path) -> list[str]:
    with tarfile.open(source) as tar:
        return [member.name for member in tar if member.isfile()]


def _agreement(source: Path, folder: Path) -> Row:
    """Mean decibels between our pixels and Pillow's, over all photographs."""
    prepare(source, folder / "packed", size=SIZE, val_fraction=0.0, workers=THREADS)
    images = open_packed(folder / "packed").split("train").images
    found = []
    with tarfile.open(source) as tar:
        members = (file for member in tar if (file := tar.extractfile(member)))
        for image, file in zip(images, members, strict=True):
            error = ((image.astype(np.float32) - pillow(file.read())) ** 2).mean()
            found.append(10 * np.log10(255**2 / max(float(error), 1e-10)))
    what = f"pixels of {len(found)} prepared photographs beside Pillow's, mean (least {min(found):.1f})"
    return {"what": what, "ours": f"{np.mean(found):.1f}", "unit": "dB", "rounds": 1}


def _memory(source: Path, folder: Path) -> Iterator[Row]:
    """Peak memory of `prepare` in a process of its own, for the photographs once and twice."""
    for times in (1, 2):
        longer = folder / f"{times}.tar"
        count = _repeated(source, longer, times)
        command = [sys.executable, "-c", _MEASURE, str(longer), str(folder / f"packed-{times}"), str(THREADS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        yield {
            "what": f"peak memory of preparing {count} photographs",
            "ours": done.stdout.strip(),
            "unit": "MB",
            "rounds": 1,
        }


_MEASURE = """
import resource, sys, torch
from alexnet.verbs.prepare import prepare
torch.set_num_threads(1)
prepare(sys.argv[1], sys.argv[2], val_fraction=0.0, workers=int(sys.argv[3]))
print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")
"""


def _repeated(source: Path, path: Path, times: int) -> int:
    """A tar with every photograph under so many names -> how many there are."""
    count = 0
    with tarfile.open(source) as tar, tarfile.open(path, "w") as longer:
        for member in tar:
            if (file := tar.extractfile(member)) is None:
                continue
            content, name = file.read(), Path(member.name)
            for number in range(times):
                copy = tarfile.TarInfo(f"{name.stem}_{number}{name.suffix}")
                copy.size = len(content)
                longer.addfile(copy, io.BytesIO(content))
                count += 1
    return count

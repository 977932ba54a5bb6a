"""Let `alexnet train` and other tools train in turn on the same pictures: rows of results/peers.csv.

Run: python results/peers/run.py --set-up --envs ENVS [--beside]
     python results/peers/run.py PICTURES --envs ENVS --minutes 10 --seeds 0 1 2 [--only alexnet yolo]
"""

import argparse
import datetime
import json
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # record.py and race.py lie there

from race import epochs, rates  # noqa: E402
from record import RESULTS, commit, machine  # noqa: E402
from tables import add  # noqa: E402

import alexnet  # noqa: E402

TABLE = RESULTS / "peers.csv"
PEERS = ("yolo", "fastai_learner", "keras_example", "timm_resnet18")
OURS, RECIPE, VIEWS = "alexnet", "auto", "mirror"
COLUMNS = (
    "peer", "versions", "data", "minutes", "seed", "seconds", "epochs", "images", "top1", "lowest_top1",
    "float32_gflops", "bfloat16_gflops", "commit", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Make the environments, or train with each seed by each tool, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="?", help="folder with train/CLASS/ and val/CLASS/")
    parser.add_argument("--envs", type=Path, required=True, help="folder of the peers' environments")
    parser.add_argument("--set-up", action="store_true", help="make them, by pip")
    parser.add_argument("--beside", action="store_true", help="let them see the packages installed here")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=[OURS, *PEERS], default=[OURS, *PEERS])
    parser.add_argument("--table", type=Path, default=TABLE)
    words = parser.parse_args()
    if words.set_up:
        for peer in set(words.only) - {OURS}:
            set_up(words.envs / peer, HERE / "requirements" / f"{peer}.txt", beside=words.beside)
        return
    if words.pictures is None:
        parser.error("name the folder of pictures")
    for seed in words.seeds:
        for peer in words.only:
            add(words.table, COLUMNS, [trained(peer, words, seed)])


def set_up(folder: Path, requirements: Path, *, beside: bool) -> None:
    """An environment with what a peer requires; with `beside` it sees what is installed here, as torch."""
    venv.create(folder, with_pip=not beside, clear=True)
    python = folder / "bin" / "python"
    if beside:
        (site,) = (folder / "lib").glob("python*/site-packages")
        (site / "beside.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    subprocess.run([python, "-m", "pip", "install", "-r", str(requirements)], check=True)


def trained(peer: str, words: argparse.Namespace, seed: int) -> dict[str, object]:
    """One training by one tool, and what it came to."""
    before = rates()
    print(f"{peer}, seed {seed}", file=sys.stderr)
    found = ours(words, seed) if peer == OURS else theirs(peer, words, seed)
    after = rates()
    values = (
        found["peer"], found["versions"], words.pictures.name, f"{words.minutes:g}", seed, found["seconds"],
        found["epochs"], pictures_of(words.pictures / "val"), found["top1_error"],
        found["lowest_top1_error"],
        *(f"{(one + other) / 2:.0f}" if one else "" for one, other in zip(before, after, strict=True)),
        commit(), machine(), datetime.date.today().isoformat(),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def theirs(peer: str, words: argparse.Namespace, seed: int) -> dict[str, object]:
    """A peer's script in its own environment; the last line that it prints is its answer."""
    python = words.envs / peer / "bin" / "python"
    command = [
        python, HERE / f"{peer}.py", words.pictures, "--minutes", words.minutes, "--seed", seed,
        "--side", words.side,
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def ours(words: argparse.Namespace, seed: int) -> dict[str, object]:
    """`alexnet prepare`, then `alexnet train auto` in what is left of the time."""
    with tempfile.TemporaryDirectory() as folder:
        packed, run = Path(folder) / "packed", Path(folder) / "run"
        began = time.monotonic()
        alexnet_command("prepare", words.pictures, packed, "--size", words.side)
        left = 60.0 * words.minutes - (time.monotonic() - began)
        asked_for = ("--data", packed, "--out", run, "--time", f"{left:.0f}s", "--set", f"seed={seed}")
        alexnet_command("train", RECIPE, *asked_for)
        took = time.monotonic() - began
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        errors = [line["top1_error"] for line in lines if "top1_error" in line]
        found = alexnet.evaluate(run, views=VIEWS)
        return {
            "peer": OURS,
            "versions": f"alexnet {alexnet.__version__}, {RECIPE}, {VIEWS} views",
            "seconds": round(took, 1),
            "epochs": round(epochs(run), 2),
            "top1_error": round(found.top1_error, 3),
            "lowest_top1_error": round(min([*errors, found.top1_error]), 3),
        }


def alexnet_command(*words: object) -> None:
    """A command as it is typed."""
    subprocess.run([sys.executable, "-m", "alexnet", *map(str, words)], check=True)


def pictures_of(folder: Path) -> int:
    """How many there are in class folders."""
    return sum(1 for path in folder.glob("*/*") if path.is_file())


if __name__ == "__main__":
    main()

"""The verb serve."""

from pathlib import Path
from typing import Annotated

import typer

from alexnet.cli.options import Device, bars
from alexnet.cli.probing_options import Data, Words
from alexnet.problem import UsageProblem

Token = Annotated[
    Path | None,
    typer.Option("--token-file", help="Everybody must show the token in it; else that of ALEXNET_TOKEN."),
]
Open = Annotated[bool, typer.Option("--open", help="Without a token, also where others reach the server.")]
Engine = Annotated[
    str | None,
    typer.Option(help="torch (default), onnx, openvino, or auto: what is fastest here (default for .onnx)."),
]
Most = Annotated[int, typer.Option("--max-batch", min=1, help="Pictures that the engine answers together.")]
Wait = Annotated[
    float,
    typer.Option("--max-wait-ms", min=0, help="Milliseconds that a batch waits for pictures on their way."),
]
Places = Annotated[int, typer.Option("--queue", min=1, help="Pictures in hand at once; others get 503.")]
Megabytes = Annotated[float, typer.Option("--max-mb", min=0.001, help="Megabytes of a picture.")]
Megapixels = Annotated[float, typer.Option("--max-megapixels", min=0.001, help="Megapixels of a picture.")]


def serve(
    run: Annotated[Path, typer.Argument(help="Run folder, or a .onnx of `alexnet export`.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is any that is free.")] = 8000,
    token_file: Token = None,
    open: Open = False,
    engine: Engine = None,
    most: Most = 32,
    wait: Wait = 5.0,
    queue: Places = 64,
    max_mb: Megabytes = 10,
    max_megapixels: Megapixels = 12.5,
    words: Words = None,
    data: Data = None,
    device: Device = "auto",
) -> None:
    """A page and an HTTP interface that answer from a run, on this machine alone unless you say otherwise.

    The log is on stderr, a JSON document a line. SIGTERM and Ctrl-C finish what is held. A .onnx answers
    with classes; neighbours, a look inside and the report need the run.
    Examples: `alexnet serve runs/pictures`, `alexnet serve runs/pictures --host 0.0.0.0 --token-file token`
    """
    _require_extra()
    from alexnet.serving.desk import Pace
    from alexnet.serving.limits import Limits
    from alexnet.verbs.serve import Address, read_token
    from alexnet.verbs.serve import serve as verb

    largest = int(max_mb * 1_000_000)
    limits = Limits(
        picture_bytes=largest,
        picture_pixels=int(max_megapixels * 1_000_000),
        request_bytes=max(largest, 32_000_000) + 100_000,
    )
    verb(
        run,
        address=Address(host, port, read_token(token_file), open),
        engine=engine,
        pace=Pace(most, wait / 1000, queue),
        limits=limits,
        words=words,
        data=data,
        device=device,
        progress=bars,
    )


def _require_extra() -> None:
    from importlib.util import find_spec

    needed = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise UsageProblem(f"{missing[0]} is not installed: pip install 'alexnet[serve]'")

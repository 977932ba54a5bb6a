"""Parquet tables, read a few rows at a time."""

from pathlib import Path

import pyarrow.parquet as pq


def streamed(path: str | Path) -> pq.ParquetFile:
    """Open a table whose rows are looked at once, in batches; raises what pyarrow raises.

    pyarrow would fetch all that will be read beforehand and keep it to the end: of a shard of pictures, the
    whole shard.
    """
    return pq.ParquetFile(path, pre_buffer=False)

"""Parting a count into neighbouring shares, as ranks, threads and batches do."""


def part(count: int, share: int, shares: int) -> slice:
    """The `share`-th of `shares` neighbouring parts of `count`: together all, each once, evenly.

    >>> [part(10, share, 4) for share in range(4)]
    [slice(0, 2, None), slice(2, 5, None), slice(5, 7, None), slice(7, 10, None)]
    """
    return slice(count * share // shares, count * (share + 1) // shares)

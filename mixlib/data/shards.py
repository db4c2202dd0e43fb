"""Shards: the parts of a global batch in which normalization statistics and mixing partners live.

A recipe says how many there are (a paper's number of GPUs), a machine how many processes share
them: each does its shards one after the other, and the result is the same for every number.
"""

from __future__ import annotations


def own_shards(rank: int, world: int, shards: int) -> range:
    """The shards of one process: neighbors, so that every process has as many.

    Args:
        rank, world: the process and their number.
        shards: of the recipe.

    Raises:
        ValueError: the processes cannot share the shards evenly.

    Example:
        >>> own_shards(1, 2, 8)
        range(4, 8)
    """
    if shards % world:
        fitting = [n for n in range(1, shards + 1) if shards % n == 0]
        raise ValueError(
            f"{shards} shards cannot be shared evenly among {world} processes: their statistics and"
            f" partners would be others; start {' or '.join(map(str, fitting))}"
        )
    each = shards // world
    return range(rank * each, (rank + 1) * each)

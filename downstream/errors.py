"""Error of every evaluation whose input cannot be measured.

Imports no torch, for settings that are read while jobs are planned.
"""

from mixlib.data.errors import DataError


class InputError(DataError):
    """Logits, labels, images or files that cannot be evaluated; the message says why."""

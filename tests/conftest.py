"""Fixtures that every test may use, and run-time checks of the shapes that signatures promise."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import install_import_hook

from tests import shapecheck

GOLDEN = Path(__file__).parent / "golden"

# the hook names its checker by a path whose last module must have been imported
install_import_hook(["mixlib", "theory"], f"{shapecheck.__name__}.check")


@pytest.fixture(scope="session")
def golden():
    """Loads a reference fixture: ``golden("automix/mixup")`` -> mapping of arrays."""

    def load(name: str):
        return np.load(GOLDEN / f"{name}.npz", allow_pickle=False)

    return load


@pytest.fixture(scope="session")
def mix_data() -> Path:
    """The folder of real datasets that MIX_DATA names; the test is skipped where there is none."""
    root = os.environ.get("MIX_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("MIX_DATA does not name a folder of datasets")
    return Path(root).resolve()

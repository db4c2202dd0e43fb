"""The build step that puts this package into the wheel as ``mixlib.theory``: a top-level ``theory``
could collide with somebody's own.  The repository itself runs it in place, as ``theory``; so its
modules import each other relatively.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

FOLDER = Path("theory")


def modules() -> list[Path]:
    """Sources of the package, below the folder of ``pyproject.toml``, but notebooks and this."""
    left = {FOLDER / "wheel.py", *(FOLDER / "notebooks").rglob("*.py")}
    return sorted(set(FOLDER.rglob("*.py")) - left)


class BuildWithTheory(build_py):
    """Copies the modules; an editable install has them on its path already."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source in modules():
                target = Path(self.build_lib, "mixlib", source)
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """What a source distribution has to hold."""
        return [*super().get_source_files(), *map(str, [*modules(), FOLDER / "wheel.py"])]

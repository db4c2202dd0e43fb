"""Command that draws the gallery of mixing methods on any folder of images:

python -m paper_tables.gallery mixed.png --images photographs --methods cutmix,fmix
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from paper_tables.drawings.gallery import paint, settings
from pipelines.command_line import run_app
from pipelines.declare.errors import DeclarationError

FORMATS = (".png", ".svg", ".pdf")


def main(
    out: Annotated[Path, typer.Argument(help="where to draw: .png, .svg or .pdf")],
    images: Annotated[str, typer.Option(help="a folder of images, or: generated")] = "generated",
    methods: Annotated[str, typer.Option(help="comma-separated; empty: all")] = "",
    lambdas: Annotated[str, typer.Option(help="comma-separated shares")] = "0.3,0.5,0.7",
    pairs: Annotated[int, typer.Option(help="pairs of images")] = 2,
) -> None:
    """Draws mixing methods on any folder of images."""
    # before anything is drawn
    if out.suffix not in FORMATS or not out.absolute().parent.is_dir():
        raise DeclarationError(
            f"expected a picture ({', '.join(FORMATS)}) in a folder that is there, found {out}"
        )
    chosen = {
        "methods": [name.strip() for name in methods.split(",") if name.strip()],
        "lambdas": _shares(lambdas),
        "pairs": pairs,
        "images": images,
    }
    paint("Mixed samples", settings("gallery", chosen), (out,))


def _shares(words: str) -> list[float]:
    try:
        found = [float(word) for word in words.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(0 <= share <= 1 for share in found):
        raise DeclarationError(f"expected shares from 0 to 1, as in 0.3,0.5, found {words}")
    return found


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_app(app)

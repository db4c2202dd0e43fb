"""Command that draws the gallery of mixing methods on any folder of images:

python -m paper_tables.gallery mixed.png --images photographs --methods cutmix,fmix
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paper_tables.drawings.gallery import paint, settings
from pipelines.command_line import run_app


def main(
    out: Annotated[Path, typer.Argument(help="where to draw: .png, .svg or .pdf")],
    images: Annotated[str, typer.Option(help="a folder of images, or: generated")] = "generated",
    methods: Annotated[str, typer.Option(help="comma-separated; empty: all")] = "",
    lambdas: Annotated[str, typer.Option(help="comma-separated shares")] = "0.3,0.5,0.7",
    pairs: Annotated[int, typer.Option(help="pairs of images")] = 2,
) -> None:
    """Draws mixing methods on any folder of images."""
    chosen = {
        "methods": [name for name in methods.split(",") if name],
        "lambdas": [float(word) for word in lambdas.split(",")],
        "pairs": pairs,
        "images": images,
    }
    paint("Mixed samples", settings("gallery", chosen), (out,))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_app(app)

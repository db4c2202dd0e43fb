"""``python -m mixlib.audit CALL``: audits a mixing function and exits with 1 if anything fails."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from mixlib.audit.claims import Claims, Effort
from mixlib.audit.forms import Form
from mixlib.audit.libraries import form_of
from mixlib.audit.load import load, parse
from mixlib.audit.report import markdown, show
from mixlib.audit.run import audit
from mixlib.whole_files import write_whole

app = typer.Typer(add_completion=False)


def _beta(text: str | None) -> float | tuple[float, float] | None:
    if text is None:
        return None
    parts = [float(part) for part in text.split(",")]
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def _form(call: Any, words: tuple[str | None, ...]) -> Form:
    """The form of the object's library, with what the command line says otherwise."""
    known = form_of(call)
    usual = (known.feed, known.labels, known.targets, known.layout, known.arrays, known.dtype)
    given = [new or old for new, old in zip(words, usual, strict=True)]
    names = ("feed", "labels", "targets", "layout", "arrays", "dtype")
    return replace(known, **dict(zip(names, given, strict=True)))  # type: ignore[arg-type]


@app.command()
def main(
    call: Annotated[
        str,
        typer.Argument(
            help='"package.module:name" or "file.py:name"; called first if it has arguments, '
            'e.g. "timm.data:Mixup(mixup_alpha=0.2)"'
        ),
    ],
    kind: Annotated[str, typer.Option(help="mixup, box, mosaic, erase or unknown")] = "unknown",
    alpha: Annotated[str | None, typer.Option(help="lambda ~ Beta(alpha, alpha), or a,b")] = None,
    box_alpha: Annotated[str | None, typer.Option(help="the same for boxes, if another")] = None,
    prob: Annotated[float | None, typer.Option(help="probability of mixing")] = None,
    box_prob: Annotated[float | None, typer.Option(help="of a box, if mixed")] = None,
    scope: Annotated[str | None, typer.Option(help="lambda per batch, pair or sample")] = None,
    label: Annotated[str, typer.Option(help="label shares follow the area, or other")] = "area",
    self_pairs: Annotated[bool, typer.Option(help="a sample may be its own partner")] = False,
    fill: Annotated[str, typer.Option(help="value of erased pixels, or any")] = "0",
    feed: Annotated[str | None, typer.Option(help="batch, tuple, collate, dict, generator")] = None,
    labels: Annotated[str | None, typer.Option(help="index, onehot or float")] = None,
    targets: Annotated[
        str | None, typer.Option(help="soft, index, pair, partner, own, method")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="nchw or nhwc")] = None,
    arrays: Annotated[str | None, typer.Option(help="torch or numpy")] = None,
    dtype: Annotated[str | None, typer.Option(help="of the images")] = None,
    classes: Annotated[int | None, typer.Option(help="length of a soft label")] = None,
    channels: Annotated[int | None, typer.Option(help="of an image")] = None,
    batch: Annotated[int, typer.Option(help="samples in a batch, even")] = 8,
    size: Annotated[str, typer.Option(help="of the images")] = "32x32",
    wide: Annotated[str, typer.Option(help="a size that is not square")] = "16x48",
    small: Annotated[str, typer.Option(help="a size at which a pixel is a lot")] = "8x8",
    draws: Annotated[int, typer.Option(help="masks that the statistics rest on")] = 4000,
    level: Annotated[float, typer.Option(help="family-wise level")] = 1e-5,
    seed: Annotated[int, typer.Option(help="of the audit")] = 0,
    workers: Annotated[int, typer.Option(help="processes of a DataLoader, 0 for none")] = 2,
    texture: Annotated[bool, typer.Option(help="textured images, for methods that look")] = False,
    out: Annotated[Path | None, typer.Option(help="also write the report as Markdown")] = None,
    strict: Annotated[bool, typer.Option(help="exit with 1 for notes, too")] = False,
) -> None:
    """Audits anybody's mixing of samples: one-hot images in, images and targets out."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        spec, value = parse(call), None if fill == "any" else float(fill)
        laws = _beta(alpha), _beta(box_alpha)
        claims = Claims(kind, *laws, prob, box_prob, scope, label, self_pairs, value)  # type: ignore[arg-type]
        sizes = _size(size), _size(wide), _size(small)
        effort = Effort(draws, level, seed, batch, *sizes, workers, texture)
        found = load(spec)
        form = _form(found, (feed, labels, targets, layout, arrays, dtype))
        classes = classes or (spec.kwargs or {}).get("num_classes")
        report = audit(
            found, claims, effort, form=form, classes=classes, channels=channels, name=call
        )
    except (ImportError, ValueError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(2) from None
    show(report, console)
    if out is not None:
        write_whole(out, markdown(report), durable=False)
    raise typer.Exit(bool(report.failures() or (strict and report.notes())))


if __name__ == "__main__":
    app(prog_name="python -m mixlib.audit")

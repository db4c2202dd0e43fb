"""Page of an experiment: its question, how it was measured, tables, and sentences with the numbers
that came out; as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mixlib.core.markdown import table
from mixlib.whole_files import write_whole


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; one that holds a comma is quoted.

    Example:
        >>> listed(["CutMix", "ResizeMix, place"]), listed([])
        ('CutMix, "ResizeMix, place"', 'none')
    """
    return ", ".join(f'"{name}"' if "," in name else name for name in names) or "none"


def told_apart(first: float, second: float) -> tuple[str, str]:
    """Two numbers with as few digits, two at least, as show which is larger.

    Example:
        >>> told_apart(0.5, 0.1), told_apart(8.2443e-05, 8.2391e-05)
        (('0.5', '0.1'), ('8.244e-05', '8.239e-05'))
    """
    texts = [(f"{first:.{n}g}", f"{second:.{n}g}") for n in range(2, 18)]
    return next((one for one in texts if one[0] != one[1]), texts[0])


@dataclass
class Page:
    """A page under construction: :meth:`say` and :meth:`tabulate` add to it in order.

    Example:
        >>> page = Page("Title", "A question?")
        >>> page.tabulate("Numbers.", ["law", "loss"], [["Mixup", "0.1"]])
        >>> page.say("Mixup has 0.1.")
        >>> print(page.text().splitlines()[-1])
        Mixup has 0.1.
    """

    title: str
    question: str
    lines: list[str] = field(default_factory=list)

    def say(self, *sentences: str) -> None:
        """A paragraph."""
        self.lines += ["", " ".join(sentences)]

    def items(self, *sentences: str) -> None:
        """A list."""
        self.lines += ["", *(f"* {sentence}" for sentence in sentences)]

    def tabulate(self, caption: str, heads: list[str], rows: list[list[str]]) -> None:
        """A table under its caption: names to the left, numbers to the right."""
        self.lines += ["", caption, "", *table(heads, rows, "l" + "r" * (len(heads) - 1))]

    def text(self) -> str:
        """The page as Markdown."""
        return "\n".join([f"# {self.title}", "", f"*{self.question}*", *self.lines])

    def write(self, folder: Path) -> Path:
        """Writes table.md."""
        path = folder / "table.md"
        write_whole(path, self.text() + "\n", durable=False)
        return path

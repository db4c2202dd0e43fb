"""Page of an experiment: its question, how it was measured, tables, and sentences with the numbers
that came out; as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mixlib.core.markdown import table
from mixlib.whole_files import write_whole


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

"""Claims as declared: margins of numbers, and the papers' sentences that compare.

``paper_tables/claims/margins.yaml`` fixes level, power and margins before any run; the other files
of the folder hold sentences as relations between cells of a declared table, with their place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

from mixlib.data.catalog import DATASETS
from pipelines.declare.errors import DeclarationError, check_keys, require
from pipelines.declare.gains import BEST, Gain
from pipelines.declare.schema import LINE, PRINTED, PROSE, SHARE
from pipelines.declare.table import Table
from pipelines.declare.values import Anything, Entries, Fields, Flag, Kind, Many, OneOf, Real
from pipelines.declare.yaml_file import read_yaml

FOLDER = Path("paper_tables/claims")
MARGINS = "margins.yaml"
OTHERS = "others"
"""The word for all rows (or columns) but the subject's."""
RELATIONS = ("better", "worse", "above", "below")
Place = tuple[str, str]

RULE: Mapping[str, Kind] = {
    "metrics": Many(LINE, 1),
    "data": Many(LINE, 1),
    "margin": Real(0, above=True),
    "standard_errors": Real(0, 100, above=True),
    "exact": Flag(),
    "none": Flag(),
    "source": PROSE,
}
SENTENCE: Mapping[str, Kind] = {
    "place": LINE,
    "table": LINE,
    "subject": LINE,
    "relation": OneOf(RELATIONS, "relation"),
    "object": Anything(),
    "at": Many(LINE, 1),
    "by": Entries(PRINTED),
    "range": Many(PRINTED, 2, 2),
    "points_to": LINE,
}
STATEMENT: Mapping[str, Kind] = {"quantity": LINE, "value": PRINTED, "place": LINE}


@dataclass(frozen=True)
class Margin:
    """How far from a number is no difference.

    Attributes:
        amount: in the number's unit; None: no number of ours can be judged against it.
        source: where it comes from, or why there is none.
        exact: the number is counted, not measured: one run says it.
    """

    amount: float | None
    source: str
    exact: bool = False


@dataclass(frozen=True)
class Rules:
    """What ``margins.yaml`` fixes: level and power of all tests, and rules of margins in order."""

    level: float
    power: float
    rules: tuple[Mapping[str, Any], ...]
    file: str

    def margin(self, table: Table, place: Place, number: float) -> Margin:
        """The margin of a number in a cell: the table's tolerance where it has one, else that of
        the first rule that fits.

        Raises:
            DeclarationError: no rule fits.
        """
        row = next(entry for entry in table.rows if entry.label == place[0])
        column = next(entry for entry in table.columns if entry.label == place[1])
        holds = not table.tolerance_columns or column.label in table.tolerance_columns
        if table.tolerance is not None and holds and column.unit in (None, table.unit):
            return Margin(table.tolerance, " ".join(table.tolerance_source.split()))
        metric, data = table.metric(row, column), table.point(row, column).get("data")
        for rule in self.rules:
            if metric in rule["metrics"] and data in rule.get("data", (data,)):
                return _margin(rule, number, str(data), column.decimals)
        raise DeclarationError(
            f"{self.file}: expected a rule for the metric {metric!r} ({table.name}, {place[0]}, "
            f"{place[1]}), found none"
        )

    def digest(self, table: Table) -> str:
        """16 hex digits of the level and of the margins of all numbers of a table: what a kept
        result is judged under."""
        numbers = table.reference.items()
        shown = [[*place, self.margin(table, place, x).amount] for place, x in numbers]
        text = json.dumps([self.level, sorted(shown)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _margin(rule: Mapping[str, Any], number: float, data: str, decimals: int) -> Margin:
    source = " ".join(rule["source"].split())
    if rule.get("none"):
        return Margin(None, source)
    if rule.get("exact"):
        return Margin(0.5 * 10.0**-decimals, source, exact=True)
    if "margin" in rule:
        return Margin(rule["margin"], source)
    row = DATASETS[data]
    share, n = number / 100, row.count(row.test) or 5000
    return Margin(100 * rule["standard_errors"] * sqrt(share * (1 - share) / n), source)


@dataclass(frozen=True)
class Number:
    """The claim that a cell, or a difference of two, is the printed number.

    Attributes:
        table: its target.
        label: of the number: row and column, or the gain and where it stands.
        place: the cell.
        over: the cell that it exceeds, for a gain: the one that the paper's numbers name.
        relative: the gain is in percent of what is exceeded.
        printed: the paper's.
        margin: see :class:`Margin`.
    """

    table: str
    label: str
    place: Place
    over: Place | None
    relative: bool
    printed: float
    margin: Margin


@dataclass(frozen=True)
class Sentence:
    """A sentence that compares: every pair stands in the relation.

    Attributes:
        paper, place: where it is said.
        table: whose cells it is about.
        text: the relation in words.
        relation: a word of :data:`RELATIONS`.
        pairs: (left, right) cells.
        by: left cell -> by how much it leads the best of its rights, as printed in the sentence.
        range: least and largest lead that the sentence prints over all left cells.
        points_to: the table or figure that the sentence names, where it is another.
    """

    paper: str
    place: str
    table: str
    text: str
    relation: str
    pairs: tuple[tuple[Place, Place], ...]
    by: Mapping[Place, float] = field(default_factory=dict)
    range: tuple[float, float] | None = None
    points_to: str = ""

    def higher(self, table: Table, place: Place) -> bool:
        """Whether the left cell is claimed to be the higher number."""
        if self.relation in ("above", "below"):
            return self.relation == "above"
        good = table.higher(place[1])
        return good if self.relation == "better" else not good


@dataclass(frozen=True)
class Statement:
    """A quantity that a paper's text prints, to be compared with its other places."""

    paper: str
    quantity: str
    value: float
    place: str


def read_rules(folder: Path = FOLDER) -> Rules:
    """Level, power and margins.

    Raises:
        DeclarationError: the file is missing a key, or has an unknown one.
    """
    path = folder / MARGINS
    body = read_yaml(path, ("level", "power", "rules"), ("level", "power", "rules"))
    SHARE.check(f"{path}: level", body["level"])
    SHARE.check(f"{path}: power", body["power"])
    for i, rule in enumerate(body["rules"]):
        where = f"{path}: rules[{i}]"
        Fields(RULE, "key", ("metrics", "source")).check(where, rule)
        if sum(key in rule for key in ("margin", "standard_errors", "exact", "none")) != 1:
            raise DeclarationError(
                f"{where}: expected one of margin, standard_errors, exact and none, found "
                f"{sorted(rule)}"
            )
    return Rules(body["level"], body["power"], tuple(body["rules"]), str(path))


def numbers_of(table: Table, rules: Rules) -> list[Number]:
    """Every printed number of a table, gains included, as a claim."""
    found = []
    for place, value in table.reference.items():
        margin = rules.margin(table, place, value)
        found.append(Number(table.name, " / ".join(place), place, None, False, value, margin))
    for gain in table.gains:
        for label, value in gain.reference.items():
            place, over = gain.places(label), printed_rival(table, gain, label)
            number = table.reference.get(place, 0.0)
            name = f"{gain.label} at {label}"
            margin = rules.margin(table, place, number)
            found.append(Number(table.name, name, place, over, gain.relative, value, margin))
    return found


def printed_rival(table: Table, gain: Gain, label: str) -> Place:
    """The cell that a gain exceeds; of several, the best as the paper prints them."""
    if gain.pairs:
        return gain.pairs[label], gain.of
    if gain.over != BEST:
        return (gain.over, label) if gain.axis == "row" else (label, gain.over)
    own = table.rows if gain.axis == "row" else table.columns
    others = [(e.label, label) if gain.axis == "row" else (label, e.label) for e in own]
    others = [p for p in others if p in table.reference and p != gain.places(label)]
    sign = 1 if table.higher(gain.places(label)[1]) else -1
    return max(others, key=lambda place: sign * table.reference[place])


def read_sentences(
    tables: Mapping[str, Table], folder: Path = FOLDER
) -> tuple[list[Sentence], list[Statement]]:
    """The sentences of all files of a folder, and the quantities that the texts print.

    Raises:
        DeclarationError: an unknown key, table, row or column.
    """
    sentences: list[Sentence] = []
    statements: list[Statement] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name == MARGINS:
            continue
        body = read_yaml(path, ("paper", "sentences", "statements"), ("paper", "sentences"))
        for i, item in enumerate(body["sentences"]):
            sentences.append(_sentence(f"{path}: sentences[{i}]", body["paper"], item, tables))
        for i, item in enumerate(body.get("statements", ())):
            where = f"{path}: statements[{i}]"
            Fields(STATEMENT, "key", tuple(STATEMENT)).check(where, item)
            statements.append(Statement(body["paper"], **item))
    return sentences, statements


def read_sentences_of(table: Table, folder: Path = FOLDER) -> list[Sentence]:
    """The sentences about one table, read without the others; those whose rows and columns it has
    (a part of a table lacks some, and :func:`read_sentences` refuses a wrong word)."""
    found = []
    labels = {entry.label for entry in (*table.rows, *table.columns)}
    for path in sorted(folder.glob("*.yaml")):
        if path.name != MARGINS:
            body = read_yaml(path, ("paper", "sentences", "statements"), ("paper", "sentences"))
            for i, item in enumerate(body["sentences"]):
                if item.get("table") == table.name and _words(item) <= labels:
                    where = f"{path}: sentences[{i}]"
                    found.append(_sentence(where, body["paper"], item, {table.name: table}))
    return found


def _words(item: Mapping[str, Any]) -> set[str]:
    """The labels that a sentence names."""
    objects = [item["object"]] if isinstance(item["object"], str) else item["object"]
    return {item["subject"], *objects, *item.get("at", ())} - {OTHERS}


def _sentence(where: str, paper: str, item: Any, tables: Mapping[str, Table]) -> Sentence:
    Fields(SENTENCE, "key").check(where, item)
    require(where, item, ("place", "table", "subject", "relation", "object"))
    check_keys(where, {item["table"]: 0}, tables, "table")
    table = tables[item["table"]]
    rows, columns = [e.label for e in table.rows], [e.label for e in table.columns]
    by_row = item["subject"] in rows
    own, other = (rows, columns) if by_row else (columns, rows)
    subject, at = item["subject"], list(item.get("at", other))
    objects = [label for label in own if label != subject]
    if item["object"] != OTHERS:
        objects = [item["object"]] if isinstance(item["object"], str) else list(item["object"])
    check_keys(where, dict.fromkeys([subject, *objects]), own, "row or column")
    check_keys(f"{where}: at", dict.fromkeys([*at, *item.get("by", {})]), other, "row or column")

    def cell(label: str, across: str) -> Place:
        return (label, across) if by_row else (across, label)

    pairs = [(cell(subject, across), cell(label, across)) for across in at for label in objects]
    pairs = [pair for pair in pairs if all(_there(table, place) for place in pair)]
    if not pairs:
        raise DeclarationError(f"{where}: expected cells to compare, found none")
    than = "than " if item["relation"] in RELATIONS[:2] else ""
    shown = "all others" if item["object"] == OTHERS else " and ".join(objects)
    text = f"{subject} {item['relation']} {than}{shown}"
    return Sentence(
        paper=paper,
        place=item["place"],
        table=table.name,
        text=text + (f" at {', '.join(at)}" if "at" in item else ""),
        relation=item["relation"],
        pairs=tuple(pairs),
        by={cell(subject, across): float(x) for across, x in item.get("by", {}).items()},
        range=(item["range"][0], item["range"][1]) if "range" in item else None,
        points_to=item.get("points_to", ""),
    )


def _there(table: Table, place: Place) -> bool:
    return place in table.reference or place not in table.skip


def lead(
    sentence: Sentence, table: Table, pair: tuple[Place, Place], numbers: Mapping[Place, float]
) -> float:
    """By how much the left cell of a pair leads the right one, in the claimed direction."""
    left, right = pair
    found = numbers[left] - numbers[right]
    return found if sentence.higher(table, left) else -found


def leads(sentence: Sentence, table: Table, numbers: Mapping[Place, float]) -> dict[Place, float]:
    """By how much each left cell leads the best of its rights, in the claimed direction."""
    found: dict[Place, float] = {}
    for left, right in sentence.pairs:
        if left in numbers and right in numbers:
            own = lead(sentence, table, (left, right), numbers)
            found[left] = min(found.get(left, own), own)
    return found

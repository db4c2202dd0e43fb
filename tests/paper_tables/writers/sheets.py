"""Sheets of any text, for the property tests of the writers."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from paper_tables.measure import Measured
from paper_tables.sheet import Line, Record, Sheet, Value

# a busy machine is no failure
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# letters, every sign of ASCII, line breaks, and the papers' symbols
TEXT = st.text(
    st.sampled_from("ab1 \n\r\t" + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "λ±–"), max_size=10
)
LABEL = TEXT.filter(str.strip)


def plain(text: str) -> str:
    """Text as one line."""
    return re.sub(r"\s+", " ", text).strip()


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    """A sheet of two columns and up to three rows."""
    heads = (draw(LABEL), draw(LABEL))
    labels = draw(st.lists(LABEL, min_size=1, max_size=3))
    values = (Value("47.0", "0.7", best=True), Value("41.0"))
    unit = draw(TEXT)
    cells = [(label, head) for label in labels for head in heads]
    return Sheet(
        name="table1",
        header=draw(LABEL),
        title=draw(LABEL),
        caption=draw(TEXT),
        units=draw(TEXT),
        scale="demo",
        stub="Method",
        heads=heads,
        lines=tuple(Line(label, values) for label in labels),
        legend=(),
        notes=tuple(draw(st.lists(LABEL, max_size=2))),
        origin="",
        records=tuple(
            Record("demo", row, column, Measured((41.0,), unit=unit)) for row, column in cells
        ),
    )

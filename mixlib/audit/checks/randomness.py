"""Generators: which are drawn from, which are overwritten, and what workers make of it."""

from __future__ import annotations

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, exact


def generators(evidence: Evidence) -> list[Finding]:
    """The generators that a call advances, and whether it sets one."""
    randomness = evidence.randomness
    given = evidence.form.feed == "generator"
    drawn = ", ".join(randomness.drawn)
    found = []
    if given:
        alone = not drawn or randomness.needless
        seen = "none matters" if alone else f"the images depend on the global one of {drawn}"
        found.append(exact("global generators", alone, seen, "the given generator alone"))
    elif drawn:
        again = "repeats with it" if randomness.repeatable else "does not repeat with it"
        found.append(Finding("global generators", f"draws from {drawn}; {again}"))
    else:
        found.append(Finding("global generators", "none is touched: it has its own, or none"))
    if randomness.reset:
        seen = f"a call sets the global generator of {', '.join(randomness.reset)}"
        found.append(exact("global generators are not set", False, seen, "left to the caller"))
    return found


def workers(evidence: Evidence) -> list[Finding]:
    """Workers of a DataLoader draw differently, and differently in the next epoch."""
    streams = evidence.streams
    if streams is None:
        return []
    if streams.drawn is None:
        return [Finding("streams of workers", f"could not be run in a worker ({streams.error})")]
    if not streams.telling():
        return [Finding("streams of workers", "too few draws to tell")]
    workers, epochs = streams.equal_workers(), streams.equal_epochs()
    return [
        exact(
            "streams of workers differ",
            not workers,
            "two workers draw the same" if workers else "they differ",
            "different",
        ),
        exact(
            "streams of epochs differ",
            not epochs,
            "every epoch draws the same" if epochs else "they differ",
            "different",
        ),
    ]

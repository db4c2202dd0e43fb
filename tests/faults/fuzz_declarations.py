"""Mutated declarations: ``python -m tests.faults.fuzz_declarations COUNT [SEED]``.

Every mutation changes one declared table or figure and the scale it is planned at: values by
nonsense of other types and ranges, misspelled, missing, doubled keys, cut and scrambled text.  What
a mutation may lead to is a plan or one refusing line; a traceback, a time-out or a plan of the
listed nonsense is a fault.
"""

from __future__ import annotations

import copy
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from paper_tables.render import products
from pipelines.command_line import EXPECTED, sentence
from pipelines.declare import scale, table
from pipelines.plan.build import plan_of

ROOT = Path(__file__).parents[2]
SECONDS = 20
VALUES: tuple[Any, ...] = (
    -1, 0, 1, 2.7, True, False, None, "", "no", "x", "0.1", "5e-4", -0.5, 1e30, -1e30, 10**40,
    float("nan"), float("inf"), [], {}, [[]], [1, "a", None], {"a": {"b": 1}}, "../../escaped",
    "t7$(touch X)", "os:system", "\x00", "a\nb", "ÄÖ\u202e", "fortnight", [0.1] * 1000,
)  # fmt: skip
# (kind, field, value): accepted and run once
SETTINGS: tuple[tuple[str, str, Any], ...] = (
    ("train", "epochs", -1), ("train", "epochs", 0), ("train", "epochs", 2.7),
    ("train", "epochs", True), ("train", "momentum", 2), ("train", "weight_decay", -1),
    ("train", "min_lr", -1), ("train", "min_lr", 5.0), ("train", "smoothing", 7),
    ("train", "schedule_by", "fortnight"), ("train", "warmup_epochs", 99),
    ("train", "evaluate_every", "x"), ("train", "channels_last", "no"),
    ("train", "decay_all", "false"), ("train", "lr", "0.1"),
    ("train", "optimizer", "foo"), ("train", "precision", "foo"), ("train", "batch", 0),
    ("train", "augmentation", {"flip": 5}), ("detect", "roi_iou", 7), ("detect", "nms", -1),
    ("detect", "flip", 5), ("detect", "lr", "0.1"), ("detect", "batch", 0),
)  # fmt: skip


def listed() -> Iterator[tuple[str, Any, Any]]:
    """(what, table body or None, scale body): every listed nonsense, alone."""
    body, at = _read("paper_tables/automix.yaml"), _scale("demo", "table7")
    one = {"paper": body["paper"], "tables": {"table7": body["tables"]["table7"]}}
    trained = {"paper": body["paper"], "tables": {"table9": body["tables"]["table9"]}}
    for kind, field, value in SETTINGS:
        wrong = copy.deepcopy(at)
        wrong["kinds"][kind]["default"][field] = value
        yield f"{kind} {field} {value!r}", one if kind == "detect" else trained, wrong
    for path, value in (
        (("seeds",), 1e30), (("seeds",), 0), (("compare",), "no"),
        (("kinds", "trian"), {"default": {}}), (("kinds", "train", "imagnet"), {"epochs": 3}),
        (("seeds_of",), {"tabel7": 1}), (("backbones", "resnet50"), "resnet500"),
        (("data", "imagenet", "test_cap"), 0), (("data", "imagnet"), {"name": "shapes"}),
    ):  # fmt: skip
        wrong = copy.deepcopy(at)
        _put(wrong, path, value)
        yield f"scale {'.'.join(path)} {value!r}", one, wrong
    changes: tuple[tuple[tuple[Any, ...], Any], ...] = (
        (("compare",), "no"), (("metric",), "AP5O"), (("figure",), "os:system"),
        (("kind",), "trian"), (("columns", 0, "set", "backbone"), "resnet500"),
        (("fixed", "data"), "imagnet"), (("columns", 0, "set", "data"), "imagnet"),
        (("rows",), {"method": ["vanilla", "vanilla"]}),
        (("rows",), [{"label": "a", "set": {"method": "vanilla"}}] * 2),
        (("rows",), [{"label": "a", "set": {"method": "mixup", "params": {"alpha": -1}}}]),
        (("rows",), {"method": [f"m{i}" for i in range(20_000)]}),
    )  # fmt: skip
    for path, value in changes:
        wrong = copy.deepcopy(trained)
        _put(wrong["tables"]["table9"], path, value)
        yield f"table {path} {str(value)[:40]}", wrong, at
    for name in ("../../escaped", "t7$(touch X)", "a b", "a/b"):
        yield f"name {name}", {**one, "tables": {name: one["tables"]["table7"]}}, at


def mutants(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """(what was changed, text of the tables, text of the scale), one after another."""
    rng = random.Random(seed)
    sources = {path.name: _read(path) for path in sorted((ROOT / "paper_tables").glob("*.yaml"))}
    # scale small measures data of this machine: without it, everything would be refused
    scales = ("demo", "paper")
    names = [
        (f, k, n) for f, b in sources.items() for k in ("tables", "figures") for n in b.get(k, ())
    ]
    for _ in range(count):
        file, section, name = rng.choice(names)
        one = {name: sources[file][section][name]}
        body = {"paper": sources[file]["paper"], "tables": {}, section: one}
        body, at = copy.deepcopy(body), _scale(rng.choice(scales), name)
        target = rng.choice((body, at))
        what = f"{file}:{name}"
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            what += " " + _mutate(target, rng)
        texts = [yaml.safe_dump(b, sort_keys=False, allow_unicode=True) for b in (body, at)]
        if rng.random() < 0.2:
            which = rng.randrange(2)
            how, texts[which] = _scramble(texts[which], rng)
            what += f" {how}"
        yield what, texts[0], texts[1]


def verdict(tables: str, at: str) -> tuple[str, str]:
    """("plan" | "refused" | "traceback" | "time-out", message) of planning two texts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tables").mkdir()
        for path, text in ((folder / "tables" / "one.yaml", tables), (folder / "tiny.yaml", at)):
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        before = signal.signal(signal.SIGALRM, _late)
        signal.alarm(SECONDS)
        try:
            plan = plan_of(table.load_all(folder / "tables"), scale.load("tiny", folder))
            for one in plan.tables:
                products(plan, one)
            return "plan", ""
        except TimeoutError:
            return "time-out", ""
        except EXPECTED as error:
            return ("refused", str(error)) if str(error).strip() else ("traceback", repr(error))
        except KeyError as error:
            message = sentence(error)
            return ("refused", message) if message else ("traceback", traceback.format_exc())
        except Exception:
            return "traceback", traceback.format_exc()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)


def fuzz(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Totals by verdict, and a line for every fault."""
    totals: Counter[str] = Counter()
    faults = []
    for what, tables, at in mutants(count, seed):
        found, message = verdict(tables, at)
        totals[found] += 1
        if found in ("traceback", "time-out"):
            faults.append(f"{found}: {what}\n{message}")
        elif found == "refused" and "\n" in message.strip():
            totals["of several lines"] += 1
    for what, body, at in listed():
        found, message = verdict(
            yaml.safe_dump(body, sort_keys=False), yaml.safe_dump(at, sort_keys=False)
        )
        totals[f"listed nonsense, {found}"] += 1
        if found != "refused":
            faults.append(f"{found}: listed nonsense {what}\n{message}")
    return totals, faults


def _late(number: int, frame: object) -> None:
    raise TimeoutError


def _read(path: str | Path) -> dict[str, Any]:
    return yaml.safe_load((ROOT / path).read_text())


def _scale(name: str, only: str) -> dict[str, Any]:
    """A scale's body, without words about tables that are not declared beside it."""
    body = _read(f"pipelines/scales/{name}.yaml")
    for key in ("parts", "seeds_of"):
        if key in body:
            body[key] = {name: value for name, value in body[key].items() if name == only}
    return body


def _put(body: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        body = body.setdefault(key, {}) if isinstance(body, dict) else body[key]
    body[path[-1]] = value


def _places(body: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a body."""
    keys = body if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ()
    found = [(body, key) for key in keys]
    for key in keys:
        found += _places(body[key])
    return found


def _mutate(body: Any, rng: random.Random) -> str:
    places = _places(body)
    if not places:
        return "nothing"
    inside, key = rng.choice(places)
    value = inside[key]
    how = rng.choice(("value", "value", "value", "near", "gone", "wrapped", "key", "added"))
    if how == "value":
        inside[key] = copy.deepcopy(rng.choice(VALUES))
    elif how == "near" and isinstance(value, (int, float)) and not isinstance(value, bool):
        inside[key] = rng.choice((-value, value * 1000, value / 1000, value + 0.5, str(value)))
    elif how == "near":
        inside[key] = str(value)[:-1] + rng.choice("xz ")
    elif how == "gone":
        del inside[key]
    elif how == "wrapped":
        inside[key] = [value] if rng.random() < 0.5 else {"value": value}
    elif isinstance(inside, dict):
        word = f"{key}x" if how == "key" else rng.choice(("extra", 5, True, None, "epochs"))
        inside[word] = inside.pop(key) if how == "key" else copy.deepcopy(rng.choice(VALUES))
    else:
        inside.append(copy.deepcopy(rng.choice(VALUES)))
    return f"{how} of {str(key)[:30]!r}"


def _scramble(text: str, rng: random.Random) -> tuple[str, str]:
    """The text itself damaged: cut, bytes changed, lines doubled, tags, tabs, other encodings."""
    at = rng.randrange(max(len(text), 1))
    lines = text.splitlines(keepends=True) or [""]
    line = rng.randrange(len(lines))
    options = {
        "cut": text[:at],
        "letter": text[:at] + rng.choice("{}[]:&*!|>'\"%@`\t\0#,-\ufeff\ud800") + text[at + 1 :],
        "doubled line": "".join([*lines[:line], lines[line], *lines[line:]]),
        "tab": "".join([*lines[:line], "\t", *lines[line:]]),
        "tag": text[:at] + " !!python/object:os.system " + text[at:],
        "alias": text[:at] + " *nowhere " + text[at:],
        "deep": text + "deep: " + "[" * 2000 + "]" * 2000,
        "empty": "",
        "second document": text + "\n---\nmore: 1\n",
    }
    how = rng.choice(list(options))
    return how, options[how]


def main() -> None:
    """The command."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    totals, faults = fuzz(count, seed)
    for fault in faults:
        print(fault)
    print(f"{count} mutations (seed {seed}): {dict(sorted(totals.items()))}; {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

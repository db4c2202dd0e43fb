"""The rules that keep the repository readable, checked."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mixlib.catalog.methods import METHODS

ROOT = Path(__file__).parents[1]
PACKAGES = ("mixlib", "theory", "downstream", "pipelines", "paper_tables", "benchmarks")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
TOP_LEVEL = {
    *("Snakefile", "dvc.yaml", "pipelines", "mixlib", "theory", "downstream", "paper_tables"),
    *("tests", "environment.yml", "README.md", "pyproject.toml", "uv.lock", "Makefile", "profiles"),
    *("benchmarks", "docs", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"),
}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    run = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def imported(path: Path, inside_functions: bool = True) -> set[str]:
    """Modules that a file imports; optionally only those imported when it is loaded."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if inside_functions else _loaded(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _loaded(tree):
    """Nodes outside functions and ``if TYPE_CHECKING`` blocks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _loaded(node)


def test_the_top_level_is_what_it_should_be():
    top = {name.split("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_every_module_says_what_it_answers(path):
    assert ast.get_docstring(ast.parse(path.read_text())) or not path.read_text().strip()


def test_there_is_no_drawer():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not {path.stem for path in SOURCES} & drawers


# from the bottom up; a module imports from its own layer and from those below
LAYERS = (
    ("core", "lazy_names", "seed", "whole_files"),
    ("masks", "models", "saliency", "data", "datasets"),
    ("methods",),
    ("training",),
    ("catalog", "mixer", "objectives"),
    ("adapters", "audit", "counting"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MIXLIB = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "mixlib"]


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows(paths: list[Path]) -> dict[str, set[str]]:
    """Which of these modules imports which of them, lazily or for types only included."""
    names = {module_of(path): path for path in paths}
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & set(names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(names)
                found[name] |= inner or ({node.module} & set(names))
        found[name].discard(name)
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules that lie on circles, or lead to one: what is left when all others are taken."""
    left = dict(graph)
    while True:
        free = [name for name, needs in left.items() if not needs & set(left)]
        if not free:
            return sorted(left)
        for name in free:
            del left[name]


def test_no_import_of_mixlib_runs_up():
    wrong = []
    for name, needed in arrows(MIXLIB).items():
        if name == "mixlib":  # the names of the package stand for modules of all layers, lazily
            continue
        for other in needed:
            own, below = name.split(".")[1], other.split(".")[1:2]
            assert own in RANK, f"{name}: say in LAYERS where it belongs"
            if not below or RANK[below[0]] > RANK[own]:
                wrong.append(f"{name} imports {other}")
    assert not wrong, "; ".join(wrong)


def test_no_imports_of_mixlib_form_a_circle():
    graph = arrows(MIXLIB)
    del graph["mixlib"]
    assert not circle(graph), f"on a circle of imports, or on the way to one: {circle(graph)}"


def test_the_import_checks_notice():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": set()}) == []
    assert "mixlib.core.mix" in arrows(MIXLIB)["mixlib.core.objective"]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_found_in_one_guess(name):
    folder = ROOT / "mixlib" / "methods"
    assert (folder / f"{name}.py").exists() != (folder / name).is_dir()


CATALOGS = (
    "mixlib.catalog.methods",
    "mixlib.core.training_pipeline",
    "mixlib.data.augmentations",
    "mixlib.data.catalog",
    "mixlib.models.backbones",
    "mixlib.training.recipes",
)


def test_catalogs_import_no_torch():
    modules = ", ".join(CATALOGS)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# Modules without a test of their own name, and why.
NO_MIRROR: dict[str, str] = {
    "benchmarks": "tests/benchmarks runs each; clocks and peers have no result of their own",
    "downstream": "tests/downstream compares whole protocols with recordings",
    "paper_tables": "tests/paper_tables renders whole tables and figures",
    "pipelines": "tests/pipelines plans and runs whole tables",
    "theory": "tests/theory compares formulas with each other, several modules at once",
    "mixlib/data": "tests/mixlib/data reads whole datasets",
    "mixlib/masks": "tests/contracts runs over every mask law",
    "mixlib/methods": "tests/contracts runs over every method; recordings in tests/mixlib/methods",
    "mixlib/audit": "tests/mixlib/audit audits whole mixers, right ones and wrong ones",
    "mixlib/catalog/laws.py": "tests/contracts/test_laws.py runs over it",
    "mixlib/catalog/build.py": "tests/contracts/test_objectives.py builds every method with it",
    "mixlib/counting/backward.py": "tests/contracts/test_fake_device.py, over every method",
    "mixlib/counting/fake_device.py": "tests/contracts/test_fake_device.py, over every method",
    "mixlib/core/arguments.py": "tests/contracts/test_inputs.py, over every constructor",
    "mixlib/core/normalization.py": "tests/contracts/test_inputs.py, images of 1 to 13 channels",
    "mixlib/core/traced_mix.py": "tests/mixlib/test_objectives.py compiles every plain method",
    "mixlib/models/feature_maps.py": "tests/mixlib/models/test_sites.py, on forty networks",
    "mixlib/models/probe.py": "tests/mixlib/models/test_sites.py, on forty networks",
    "mixlib/core/boxes.py": "tests/mixlib/core/test_mix.py blends them",
    "mixlib/core/choice.py": "tests/mixlib/methods/test_stochastic.py, the method that it is",
    "mixlib/core/full_precision.py": "tests/pipelines/test_step_load.py; its example",
    "mixlib/core/finite.py": "tests/contracts/test_draws_of_every_method.py, over every policy",
    "mixlib/core/labels.py": "tests/contracts/test_losses.py, over every label rule",
    "mixlib/core/lam.py": "tests/mixlib/core/test_mask.py",
    "mixlib/core/method.py": "tests/mixlib/catalog/test_methods.py, over every row",
    "mixlib/core/net.py": "tests/mixlib/methods/automix/test_networks.py, on six networks",
    "mixlib/core/objective.py": "tests/contracts/test_objectives.py, over every method",
    "mixlib/core/annotated_boxes.py": "tests/mixlib/core/test_annotations.py, over every method",
    "mixlib/core/module_file.py": "tests/pipelines/test_studies.py, a study's own network",
    "mixlib/models/load.py": "tests/mixlib/models/test_published_weights.py",
    "mixlib/models/recompute.py": "tests/downstream/detection/test_detection_processes.py",
    "mixlib/training/sync_batch_norm.py": "tests/downstream/detection/processes_worker.py uses it",
    "mixlib/lazy_names.py": "tests/mixlib/catalog/test_api.py, over every package",
    "mixlib/models/score_map_teacher.py": "tests/mixlib/methods/test_relabel.py",
    "mixlib/models/score_maps.py": "tests/mixlib/methods/test_relabel.py, against recordings",
    "mixlib/models/published.py": "tests/mixlib/models/test_published_weights.py",
    "pipelines/process_group.py": "tests/pipelines/test_interruptions.py signals it",
    "mixlib/saliency": "tests/mixlib/saliency/test_saliency.py compares both with recordings",
}


def has_logic(path: Path) -> bool:
    """Whether a module defines a function or a method that does something."""
    tree = ast.parse(path.read_text())
    return path.name != "__init__.py" and any(
        isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in ast.walk(tree)
    )


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_tests_mirror_the_tree(path):
    name = str(path.relative_to(ROOT))
    mirrored = ROOT / "tests" / path.relative_to(ROOT).with_name(f"test_{path.name}")
    excused = any(name == key or name.startswith(f"{key}/") for key in NO_MIRROR)
    if mirrored.exists() or not has_logic(path):
        assert name not in NO_MIRROR, f"{name} needs no exception any more"
    else:
        assert excused, f"expected {mirrored.relative_to(ROOT)}, or a reason in NO_MIRROR"


def test_mixlib_stands_alone():
    for path in (ROOT / "mixlib").rglob("*.py"):
        tops = {name.split(".")[0] for name in imported(path)}
        assert not tops & {"theory", "pipelines", "downstream", "paper_tables"}, path


def test_detectron2_is_imported_in_one_place_and_inside_functions():
    for path in SOURCES:
        late = "downstream/detection" in path.as_posix()
        names = imported(path, inside_functions=not late)
        assert "detectron2" not in {name.split(".")[0] for name in names}, path


GLOBAL_DRAWS = {
    *("np.random.seed", "np.random.rand", "np.random.randn", "np.random.beta"),
    *("np.random.randint", "np.random.permutation", "random.random", "random.seed"),
    *("random.choice", "random.shuffle", "np.random.choice", "np.random.uniform"),
}


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("mixlib", "theory")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_draws_from_a_global_generator(path):
    text = path.read_text()
    draws = ("rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        assert name not in GLOBAL_DRAWS, f"{name} in line {node.lineno}"
        if name.startswith("torch.") and name.removeprefix("torch.") in draws:
            # shared keywords are spelt out in a dict of the same module
            shared = any(word.arg is None for word in node.keywords) and '"generator": rng' in text
            given = {word.arg for word in node.keywords} | ({"generator"} if shared else set())
            assert "generator" in given, f"{name} without a generator in line {node.lineno}"


def test_a_graph_is_built_without_torch():
    code = (
        "import sys; from pipelines.plan.build import plan; plan('demo');"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_importing_mixlib_is_cheap():
    code = "import sys, mixlib, mixlib.catalog.methods; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

# From declarations (paper_tables/*.yaml) at a scale (pipelines/scales/*.yaml) to results and tables.
#   snakemake --cores all paper_tables/table7
#   snakemake --cores all --config scale=small -- paper_tables/table7
import glob
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from paper_tables.render import products
from mixlib.datasets import DATASETS
from pipelines.declare.errors import DeclarationError
from pipelines.plan.kinds import KINDS
from pipelines.data.places import ready_path, sought
from pipelines.plan.build import plan
from pipelines.execute.store import Store

SCALE = config.get("scale", "demo")
try:
    PLAN = plan(SCALE)
except DeclarationError as error:
    raise WorkflowError(str(error)) from None

STORE = Store()
TABLES = {name: [str(path) for path in products(PLAN, name)] for name in PLAN.tables}
PYTHON = f"'{sys.executable}' -m"
# how a distributed job starts and what jobs may use; profiles say (profiles/slurm: torchrun)
LAUNCH = config.get("launch", PYTHON)
OPTIONS = config.get("options", "")
GPU = int(bool(glob.glob("/dev/nvidia[0-9]*")))


# products of the theory: command, files
THEORY = {
    "coefficients": ("figures", [f"{n}.{k}" for n in ("coefficients", "maps", "spectra") for k in ("png", "svg")]),
    "expansion": ("verify --out", ["table.md"]),
    "notebooks": ("notebooks", [f"{path.stem}.html" for path in sorted(Path("theory/notebooks").glob("*.py"))]),
}


rule all:
    input:
        list(TABLES.values()),
        [f"paper_tables/{name}/{file}" for name, (_, files) in THEORY.items() for file in files],


rule dataset:
    output:
        "data/ready/{fingerprint}.json",
    wildcard_constraints:
        fingerprint="|".join(PLAN.data) or "none",
    params:
        what=lambda wildcards: sought(DATASETS[PLAN.data[wildcards.fingerprint].name]),
    message:
        "{params.what}"
    shell:
        "{PYTHON} pipelines.run {SCALE} --data {wildcards.fingerprint}"


for kind in KINDS:

    rule:
        name:
            kind
        input:
            # ancient: a result is addressed by its content, so a parent cannot become stale
            lambda wildcards: ancient([
                *(str(STORE.file(parent)) for parent in PLAN.job(wildcards.digest).parents()),
                str(ready_path(PLAN.job(wildcards.digest).data.fingerprint)),
            ]),
        output:
            "results/{digest}/result.json",
        wildcard_constraints:
            digest="|".join(PLAN.of_kind(kind)) or "none",
        params:
            what=lambda wildcards: PLAN.job(wildcards.digest).describe(),
            launch=LAUNCH if KINDS[kind].distributed else PYTHON,
        message:
            "{params.what}"
        threads: 1
        resources:
            gpu=GPU,
        shell:
            "{params.launch} pipelines.run {SCALE} {wildcards.digest} {OPTIONS}"


for table in PLAN.tables:

    rule:
        name:
            f"render_{table}"
        input:
            ancient([str(STORE.file(job)) for job in PLAN.needed(table)]),
            # runs that the repository keeps are shown below the table
            glob.glob(f"paper_tables/measured/{table}/*.json"),
        output:
            TABLES[table],
        params:
            table=table,
        message:
            f"render paper_tables/{table}"
        shell:
            "{PYTHON} paper_tables.render {SCALE} {params.table}"

    rule:
        name:
            f"paper_tables/{table}"
        input:
            TABLES[table],


for product, (command, files) in THEORY.items():

    rule:
        name:
            f"theory_{product}"
        input:
            glob.glob("theory/**/*.py", recursive=True),
            glob.glob("mixlib/laws/*.py"),
        output:
            [f"paper_tables/{product}/{file}" for file in files],
        params:
            command=command,
            product=product,
        message:
            f"theory: paper_tables/{product}"
        shell:
            "{PYTHON} theory {params.command} paper_tables/{params.product}"

    rule:
        name:
            f"paper_tables/{product}"
        input:
            [f"paper_tables/{product}/{file}" for file in files],

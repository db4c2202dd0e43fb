# From declarations (paper_tables/*.yaml) at a scale (pipelines/scales/*.yaml) to results and tables.
#   snakemake --cores all paper_tables/table7
#   snakemake --cores all --config scale=small -- paper_tables/table7
import glob
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from mixlib.core.catalog import nearest
from mixlib.data.catalog import DATASETS
from paper_tables.freshness import discard_stale
from paper_tables.render import products
from pipelines.data.places import ready_path, whereabouts
from pipelines.declare.errors import DeclarationError
from pipelines.execute.store import Store
from pipelines.plan import job_file
from pipelines.plan.build import plan
from pipelines.plan.kinds import KINDS

SCALE = config.get("scale", "demo")
try:
    PLAN = plan(SCALE)
    TABLES = {name: [str(path) for path in products(PLAN, name)] for name in PLAN.tables}
except DeclarationError as error:
    raise WorkflowError(str(error)) from None

STORE = Store()
STORE.match_markers(PLAN.jobs.values())
for name, files in TABLES.items():
    # edited products and changed results are rendered again
    discard_stale(Path(files[-1]), PLAN.needed(name), STORE)
PYTHON = f"'{sys.executable}' -m"
# how a distributed job starts and what jobs may use; profiles say (profiles/slurm: torchrun)
LAUNCH = config.get("launch", PYTHON)
OPTIONS = config.get("options", "")
GPU = int(bool(glob.glob("/dev/nvidia[0-9]*")))


include: "pipelines/rules/theory.smk"


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
        what=lambda wildcards: whereabouts(DATASETS[PLAN.data[wildcards.fingerprint].name]),
    message:
        "{params.what}"
    shell:
        "{PYTHON} pipelines.run {SCALE:q} --data {wildcards.fingerprint:q}"


for kind in KINDS:

    rule:
        name:
            kind
        input:
            # ancient: a result is addressed by its content, so a parent cannot become stale
            lambda wildcards: ancient([
                *(str(STORE.marker(parent)) for parent in PLAN.job(wildcards.digest).parents()),
                *(str(ready_path(d.fingerprint)) for d in PLAN.job(wildcards.digest).datasets),
            ]),
        output:
            "results/.done/{digest}",
        wildcard_constraints:
            digest="|".join(PLAN.of_kind(kind)) or "none",
        params:
            what=lambda wildcards: PLAN.job(wildcards.digest).describe(),
            # the resolved job, so that its process plans nothing
            job=lambda wildcards: job_file.write(PLAN.job(wildcards.digest), STORE.jobs),
            launch=LAUNCH if KINDS[kind].distributed else PYTHON,
        message:
            "{params.what}"
        threads: 1
        resources:
            gpu=GPU,
        shell:
            "{params.launch} pipelines.execute {params.job:q} {OPTIONS}"


for table in PLAN.tables:

    rule:
        name:
            f"render_{table}"
        input:
            ancient([str(STORE.marker(job)) for job in PLAN.needed(table)]),
            # runs that the repository keeps are shown below the table
            glob.glob(f"paper_tables/measured/{table}/*.json"),
        output:
            TABLES[table],
        params:
            table=table,
        message:
            f"render paper_tables/{table}"
        shell:
            "{PYTHON} paper_tables.render {SCALE:q} {params.table:q}"

    rule:
        name:
            f"paper_tables/{table}"
        input:
            TABLES[table],


include: "pipelines/rules/targets.smk"

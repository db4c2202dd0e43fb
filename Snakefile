# From declarations (paper_tables/*.yaml) at a scale (pipelines/scales/*.yaml) to results and tables.
#   snakemake --cores all paper_tables/table7
#   snakemake --cores all --config scale=small -- paper_tables/table7
#   snakemake --cores all --config tables=my-study -- my-study/compare     declarations of your own (docs/your-own.md)
import glob
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.resources import Resource

from mixlib.core.catalog import nearest
from mixlib.data.catalog import DATASETS
from paper_tables.freshness import discard_stale
from paper_tables.render import products
from pipelines import preload_server
from pipelines.data.places import ready_path, whereabouts
from pipelines.declare.errors import DeclarationError
from pipelines.execute.store import Store
from pipelines.plan import job_file
from pipelines.plan.build import plan
from pipelines.plan.kinds import KINDS
from pipelines.start import CORES_PER_GPU, Machine, start_command, visible_devices

# declarations of one's own: a folder, and files with methods
OWN = Path(config["tables"]) if "tables" in config else None
PLUGINS = [word for word in str(config.get("plugin", "")).split(",") if word]
MINE = [*(["--tables", str(OWN)] if OWN else []), *(part for word in PLUGINS for part in ("--plugin", word))]
FOLDER = (OWN or Path("paper_tables")).as_posix()
SCALE = config.get("scale", "own" if OWN else "demo")
try:
    PLAN = plan(SCALE, OWN, [Path(word) for word in PLUGINS])
except DeclarationError as error:
    raise WorkflowError(str(error)) from None
# a table that cannot be planned fails alone, when it is asked for
TABLES, FAULTS = {}, {name: str(error) for name, error in PLAN.faults.items()}
for name in PLAN.tables:
    try:
        TABLES[name] = [str(path) for path in products(PLAN, name)]
    except DeclarationError as error:
        FAULTS[name] = str(error)
if workflow.is_main_process:
    for name in FAULTS:
        if f"{FOLDER}/{name}" in [word.rstrip("/") for word in sys.argv]:
            raise WorkflowError(FAULTS[name])
        print(f"cannot be planned: {FOLDER}/{name}: {FAULTS[name]}", file=sys.stderr)

STORE = Store()
STORE.match_markers(PLAN.jobs.values())
for name, files in TABLES.items():
    # edited products and changed results are rendered again
    discard_stale(Path(files[-1]), PLAN.needed(name), STORE)
PYTHON = f"'{sys.executable}' -m pipelines.preloaded"
# a job asks for a GPU a shard where there are as many; its start follows from what it gets
# (a number of nodes says that jobs go to a cluster: the executor is not known yet, and never in a dry run)
ELSEWHERE = workflow.remote_exec or workflow.global_resources["_nodes"].value is not None
MACHINE = Machine(visible_devices(), cluster=ELSEWHERE)
on = lambda gpus: f", on {gpus} GPU{'s' * (gpus > 1)}" if gpus else ""
if MACHINE.devices and not MACHINE.cluster and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", Resource("gpu", len(MACHINE.devices)))


onstart:
    # Snakemake's limit of starts a second makes it look at all ready jobs again a second after every look, and each
    # job that ends starts one more such series: after a hundred jobs they take most of a core. A job that ends is
    # reason enough to look; how many run at once, --cores and --jobs say.
    workflow.scheduler.job_rate_limiter = None
    # libraries are loaded once for all jobs; with a GPU each job loads its own
    if not (ELSEWHERE or MACHINE.devices):
        preload_server.start(PLAN.scale.portable)


include: "pipelines/rules/theory.smk"


def say_how_it_ended():
    # which cells failed and why, runs that learned nothing; tables are written with failed cells marked
    asked_for = {str(target).rstrip("/") for target in workflow.dag_settings.targets} or {"all"}
    wanted = [table for table in TABLES if "all" in asked_for or f"{FOLDER}/{table}" in asked_for]
    if wanted and workflow.is_main_process:
        shell("{PYTHON} paper_tables.report {SCALE:q} {wanted:q} {MINE:q} >&2")


onsuccess:
    say_how_it_ended()


onerror:
    say_how_it_ended()


# at scale paper all jobs wait for one that looks for whatever would stop them; every run looks anew
CHECKED = [f"results/.checked/{SCALE}"] if PLAN.scale.compare else []
asked = lambda: [t for t in TABLES if f"{FOLDER}/{t}" in workflow.dag_settings.targets]
if workflow.is_main_process:
    for path in CHECKED:
        Path(path).unlink(missing_ok=True)


rule all:
    input:
        list(TABLES.values()),
        [] if OWN else list(THEORY_FILES.values()),


rule dataset:
    # where the network and the shared files are
    localrule: True
    output:
        "data/ready/{fingerprint}.json",
    wildcard_constraints:
        fingerprint="|".join(PLAN.data) or "none",
    params:
        what=lambda wildcards: whereabouts(DATASETS[PLAN.data[wildcards.fingerprint].name]),
    message:
        "{params.what}"
    shell:
        "{PYTHON} pipelines.run {SCALE:q} --data {wildcards.fingerprint:q} {MINE:q}"


rule check:
    localrule: True
    input:
        # datasets with a public archive are fetched first
        lambda wildcards: sorted({
            str(ready_path(data.fingerprint))
            for job in PLAN.closure(*(asked() or TABLES)).values()
            for data in job.datasets
        }),
    output:
        CHECKED or "results/.checked/none",
    params:
        tables=lambda wildcards: " ".join(asked()),
    shell:
        "{PYTHON} pipelines.check {SCALE:q} {params.tables} --mark {output:q}"


# a rule of its own where a job may use several GPUs, so that profiles can say how many
for kind, shards in {**{(kind, 1): None for kind in KINDS}, **PLAN.by_shards}:

    rule:
        name:
            kind if shards == 1 else f"{kind}_{shards}_shards"
        input:
            # ancient: a result is addressed by its content, so a parent cannot become stale
            lambda wildcards: ancient([
                *(str(STORE.marker(parent)) for parent in PLAN.job(wildcards.digest).parents()),
                *(str(ready_path(d.fingerprint)) for d in PLAN.job(wildcards.digest).datasets),
                *CHECKED,
            ]),
        output:
            "results/.done/{digest}",
        wildcard_constraints:
            digest="|".join(PLAN.by_shards.get((kind, shards), ())) or "none",
        params:
            what=lambda wildcards, resources: PLAN.job(wildcards.digest).describe() + on(resources.gpu),
            # the resolved job, so that its process plans nothing
            start=lambda wildcards, resources, threads: start_command(
                job_file.write(PLAN.job(wildcards.digest), STORE.jobs),
                PLAN.job(wildcards.digest).shards,
                resources.gpu,
                resources.gpu * resources.cpus_per_gpu if ELSEWHERE else threads,
                (*MINE, *["--portable"] * PLAN.scale.portable),
            ),
        message:
            "{params.what}"
        threads: MACHINE.cores(MACHINE.gpus(shards))
        resources:
            gpu=MACHINE.gpus(shards),
            # SLURM's own word for the cores of a job with GPUs
            cpus_per_gpu=CORES_PER_GPU,
        shell:
            "{params.start}"


for table in TABLES:

    rule:
        name:
            f"render_{table}"
        localrule: True
        input:
            ancient([str(STORE.marker(job)) for job in PLAN.needed(table)]),
            # runs that the repository keeps are shown below the table
            [] if OWN else glob.glob(f"paper_tables/measured/{table}/*.json"),
        output:
            TABLES[table],
        params:
            table=table,
        message:
            f"render {FOLDER}/{table}"
        shell:
            "{PYTHON} paper_tables.render {SCALE:q} {params.table:q} {MINE:q}"

    rule:
        name:
            f"{FOLDER}/{table}"
        input:
            TABLES[table],


include: "pipelines/rules/targets.smk"

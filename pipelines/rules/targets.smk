# what people type: paper_tables/table7/ (as completion writes it), and names that nobody declared
TARGETS = TABLES | ({} if OWN else THEORY_FILES)


def unknown(wildcards):
    name = wildcards.target.rstrip("/")
    if name in FAULTS:
        raise WorkflowError(f"{FOLDER}/{name} cannot be planned: {FAULTS[name]}")
    mine = f" --tables {OWN}" if OWN else ""
    raise WorkflowError(
        nearest("table or figure", name, TARGETS)
        + f"\n`python -m pipelines.tables{mine}` lists each with its title and what has run"
    )


for target in TARGETS:

    rule:
        name:
            f"{FOLDER}/{target}/"
        input:
            TARGETS[target],


rule unknown_target:
    input:
        unknown,
    output:
        FOLDER + "/{target}",
    wildcard_constraints:
        target=r"(?!(?:{})$)[\w-]+/?".format("|".join(TARGETS)),


if not OWN:

    rule claims:
        # every number and comparing sentence of the papers, and where it stands
        localrule: True
        input:
            glob.glob("paper_tables/*.yaml"),
            glob.glob("paper_tables/claims/*.yaml"),
            glob.glob("paper_tables/measured/*/*.json"),
            [file for files in TABLES.values() for file in files if Path(file).exists()],
        output:
            FOLDER + "/claims.html",
        shell:
            "{PYTHON} paper_tables.claims {SCALE:q} --out {output:q}"


rule index:
    # whatever has been rendered so far; the page says what is missing and how to make it
    localrule: True
    input:
        [file for files in TABLES.values() for file in files if Path(file).exists()],
    output:
        FOLDER + "/index.html",
    shell:
        "{PYTHON} paper_tables.index {SCALE:q} {MINE:q}"

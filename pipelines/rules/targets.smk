# what people type: paper_tables/table7/ (as completion writes it), and names that nobody declared
TARGETS = TABLES | THEORY_FILES


def unknown(wildcards):
    raise WorkflowError(
        nearest("table or figure", wildcards.target, TARGETS)
        + "\n`python -m pipelines.tables` lists each with its title and what has run"
    )


for target in TARGETS:

    rule:
        name:
            f"paper_tables/{target}/"
        input:
            TARGETS[target],


rule unknown_target:
    input:
        unknown,
    output:
        "paper_tables/{target}",
    wildcard_constraints:
        target=r"(?!(?:{})$)\w+/?".format("|".join(TARGETS)),


rule index:
    # whatever has been rendered so far; the page says what is missing and how to make it
    localrule: True
    input:
        [file for files in TABLES.values() for file in files if Path(file).exists()],
    output:
        "paper_tables/index.html",
    shell:
        "{PYTHON} paper_tables.index {SCALE:q}"

# experiments of theory.experiments.registry, which loads torch: a graph is built without it
EXPERIMENTS = ("adversarial", "distances", "first_layer", "generalization", "gradients", "network_terms", "twins")
# products of the theory: command, files
THEORY = {
    "coefficients": ("figures", ["table.md", *(f"{n}.{k}" for n in ("coefficients", "maps", "spectra") for k in ("png", "svg"))]),
    "expansion": ("verify --out", ["table.md"]),
    "notebooks": ("notebooks", [f"{path.stem}.html" for path in sorted(Path("theory/notebooks").glob("*.py"))]),
    # every measured unit is kept in results/theory: what was cut off goes on
    **{name: (f"experiment {name}", ["table.md", "figure.png"]) for name in EXPERIMENTS},
}
THEORY_FILES = {name: [f"paper_tables/{name}/{file}" for file in files] for name, (_, files) in THEORY.items()}


for product, (command, _) in THEORY.items():

    rule:
        name:
            f"theory_{product}"
        input:
            glob.glob("theory/**/*.py", recursive=True),
            glob.glob("mixlib/**/*.py", recursive=True),
        output:
            THEORY_FILES[product],
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
            THEORY_FILES[product],

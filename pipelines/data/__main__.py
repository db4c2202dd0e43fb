"""The command ``python -m pipelines.data list | fetch NAME | verify NAME | prepare NAME``."""

from pipelines.data.datasets import main

if __name__ == "__main__":
    main()

"""The command ``python -m pipelines.data list | fetch NAME | verify NAME | prepare NAME``."""

from pipelines.command_line import run_app
from pipelines.data.datasets import app

if __name__ == "__main__":
    run_app(app)

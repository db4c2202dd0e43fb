"""Command lines: an expected failure is one line, a mistake in the code stays a traceback."""

from __future__ import annotations

import pytest

from pipelines.command_line import EXPECTED, run_app


def failing(error):
    def app():
        raise error

    return app


@pytest.mark.parametrize("kind", EXPECTED)
def test_an_expected_failure_is_one_line(kind):
    with pytest.raises(SystemExit) as caught:
        run_app(failing(kind("expected this, found that")))
    assert caught.value.code == "error: expected this, found that"


@pytest.mark.parametrize("error", [KeyError("n99"), ZeroDivisionError(), AttributeError("x")])
def test_anything_else_is_a_traceback(error):
    with pytest.raises(type(error)):
        run_app(failing(error))

"""Commands in forks of a process with the libraries loaded: as those that load their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines import preload_server
from pipelines.execute.provenance import ROOT
from pipelines.preloaded import ADDRESS, PASSED_ON

PROBE = """
import os, sys, time
print(os.getcwd(), sys.argv[1:], os.environ["WORD"], flush=True)
ours = "pipelines.portable_bits" in sys.modules
print("torch" in sys.modules, os.environ["OMP_NUM_THREADS"], ours)
if "stay" in sys.argv:
    time.sleep(60)
sys.exit({"fail": 3, "message": "what is wrong", "well": None}[sys.argv[1]])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that loads a small library only; the folder with the module ``probe``."""
    folder = tmp_path_factory.mktemp("preloaded")
    (folder / "probe.py").write_text(PROBE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
        patch.setenv("WORD", "of the server")
        patch.setenv(ADDRESS, "")
        process = preload_server.start(portable=True)
        if process is None:
            pytest.skip("not on this system")
        yield process, folder
        process.stdin.close()
        assert process.wait(20) == 0


def heard():
    """Signals as a terminal's process has them: a shell's background job ignores SIGINT."""
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)


def client(folder, *words, **environment):
    """A started command whose output is read."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.preloaded", "probe", *words],
        cwd=folder, env={**os.environ, "WORD": "of the client", **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard,  # noqa: PLW1509
    )  # fmt: skip


def test_folder_environment_output_and_code_are_the_clients(server):
    _, folder = server
    for word, code, error in (("fail", 3, ""), ("message", 1, "what is wrong\n"), ("well", 0, "")):
        command = client(folder, word, OMP_NUM_THREADS="1")
        out, err = command.communicate(timeout=120)
        assert out.splitlines() == [f"{folder} ['{word}'] of the client", "True 1 False"]
        assert (command.returncode, err) == (code, error)


def test_other_settings_of_the_libraries_mean_a_process_that_loads_its_own(server):
    _, folder = server
    command = client(folder, "well", OMP_NUM_THREADS="2")
    out, err = command.communicate(timeout=120)
    assert out.splitlines()[1:] == ["False 2 False"], err
    assert command.returncode == 0


def test_without_a_server_the_command_runs_by_itself(server):
    _, folder = server
    command = client(folder, "fail", OMP_NUM_THREADS="1", **{ADDRESS: "/nowhere"})
    out, _ = command.communicate(timeout=120)
    assert out.splitlines()[1] == "False 1 False"
    assert command.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_reaches_the_work(server, number):
    _, folder = server
    command = client(folder, "well", "stay", OMP_NUM_THREADS="1")
    command.stdout.readline()
    command.send_signal(number)
    command.communicate(timeout=30)
    assert command.returncode == 128 + number


def test_who_kills_the_client_ends_the_work(server, tmp_path):
    process, folder = server
    command = client(folder, "well", "stay", OMP_NUM_THREADS="1")
    command.stdout.readline()
    before = children(process.pid)
    assert before
    command.kill()
    command.communicate(timeout=30)
    for _ in range(100):
        if not children(process.pid) & before:
            return
        time.sleep(0.1)
    raise AssertionError("the work goes on")


def children(pid):
    """Processes that a process has started and that are there."""
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(found.stdout.split())


def test_who_kills_the_server_ends_the_work_and_the_client_says_so(tmp_path, monkeypatch):
    (tmp_path / "probe.py").write_text(PROBE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setattr(preload_server, "LIBRARIES", ())
    monkeypatch.setenv(ADDRESS, "")
    process = preload_server.start(portable=False)
    if process is None:
        pytest.skip("not on this system")
    command = client(tmp_path, "well", "stay", OMP_NUM_THREADS="1")
    command.stdout.readline()
    process.kill()
    command.communicate(timeout=30)
    assert command.returncode == 128 + signal.SIGKILL
    process.wait(10)

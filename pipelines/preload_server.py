"""The server behind :mod:`pipelines.preloaded`: loads the libraries once, and forks a process for
every command that is asked of it.

Only libraries are loaded here, none of this project's modules: a fork loads those itself, so a
result's provenance is that of its own work.  The server loads at the first request; it ends when
its standard input does, which is when Snakemake ends, and the commands that run are done.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipelines.portable_bits import INSTRUCTION_SET, THREADS, pin
from pipelines.preloaded import ADDRESS, LIMIT, PASSED_ON, REFUSED, send

LIBRARIES = (
    "torch", "torchvision.ops", "timm", "lightning.fabric", "torchmetrics", "sympy", "typer",
    "rich", "yaml", "PIL.Image", "scipy.stats", "matplotlib.pyplot",
)  # fmt: skip
READ_AT_LOAD = (*INSTRUCTION_SET, *THREADS)
"""Variables that libraries read once: a command that wants others must load its own."""
DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass
class Server:
    """Accepts commands at a socket until its input ends.

    Attributes:
        listener: where commands come in.
        children: connection -> process of its command.
        selector: waits for all of them.
    """

    listener: socket.socket
    children: dict[socket.socket, int] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    loaded: bool = False

    def serve(self, alive: int) -> None:
        """Serves until the file ``alive`` ends and no command runs."""
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(alive, selectors.EVENT_READ, lambda: self.close(alive))
        while self.selector.get_map():
            for key, _ in self.selector.select():
                if key.fileobj in self.selector.get_map():
                    key.data()

    def close(self, alive: int) -> None:
        """No further commands; those that run are waited for."""
        self.selector.unregister(alive)
        self.selector.unregister(self.listener)
        self.listener.close()

    def accept(self) -> None:
        """Forks the process of one command."""
        client, _ = self.listener.accept()
        try:
            request, files = receive(client)
        except (OSError, ValueError):
            client.close()
            return
        wanted = request["environment"]
        if any(wanted.get(name, os.environ.get(name)) != os.environ.get(name) for name in THREADS):
            send(client, {"state": REFUSED})
            client.close()
        else:
            self.load()
            self.fork(client, request, files)
        for file in files:
            os.close(file)

    def load(self) -> None:
        """Loads the libraries, once; one that is not installed is left to who needs it."""
        if not self.loaded:
            for name in LIBRARIES:
                with suppress(ImportError):
                    importlib.import_module(name)
            self.loaded = True

    def fork(self, client: socket.socket, request: dict[str, Any], files: Sequence[int]) -> None:
        """Starts a command; its end and its client's are waited for."""
        child = os.fork()
        if child == 0:
            self.selector.close()
            self.listener.close()
            for other in (client, *self.children):
                other.close()
            work(request, files)
        self.children[client] = child
        end = os.pidfd_open(child)
        self.selector.register(end, selectors.EVENT_READ, lambda: self.finish(client, end))
        self.selector.register(client, selectors.EVENT_READ, lambda: self.hear(client))

    def hear(self, client: socket.socket) -> None:
        """Passes on the signals of a client; a client that has gone ends its command."""
        with suppress(OSError):
            numbers = client.recv(LIMIT)
            child = self.children[client]
            if not numbers:
                self.selector.unregister(client)
            for number in numbers or (signal.SIGKILL,):
                os.kill(child, number)

    def finish(self, client: socket.socket, end: int) -> None:
        """Tells the client how its command has ended."""
        _, status = os.waitpid(self.children.pop(client), 0)
        code = os.waitstatus_to_exitcode(status)
        self.selector.unregister(end)
        os.close(end)
        with suppress(KeyError):
            self.selector.unregister(client)
        with suppress(OSError):
            send(client, {"code": code if code >= 0 else 128 - code})
        client.close()


def receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A request and the client's open files."""
    text, files, _, _ = socket.recv_fds(client, LIMIT, 3)
    while not text.endswith(b"\n"):
        part = client.recv(LIMIT)
        if not part:
            raise OSError("the client has gone")
        text += part
    return json.loads(text), files


def work(request: dict[str, Any], files: Sequence[int]) -> None:
    """What a fork does: becomes the client's process, runs its module and ends."""
    code = 1
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        for number in PASSED_ON:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, signal.SIG_IGN if number in request["ignored"] else usual)
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        keep = {name: os.environ[name] for name in READ_AT_LOAD if name in os.environ}
        others = {k: v for k, v in request["environment"].items() if k not in READ_AT_LOAD}
        os.environ.clear()
        os.environ.update({**others, **keep})
        os.chdir(request["folder"])
        for name in [name for name in sys.modules if name.partition(".")[0] == "pipelines"]:
            del sys.modules[name]
        sys.argv = list(request["words"])
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            atexit._run_exitfuncs()
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def start(portable: bool) -> subprocess.Popen[bytes] | None:
    """Starts a server for the commands of this process's children; it ends with this process.

    Args:
        portable: the libraries give the same bits on every x86 processor
            (:mod:`pipelines.portable_bits`).

    Returns:
        The server's process; None where the system cannot fork safely or wait for a process by a
        file (anything but Linux), and every command loads its own libraries.
    """
    if not (sys.platform == "linux" and hasattr(os, "pidfd_open")):
        return None
    folder = tempfile.mkdtemp(prefix="mixlib-")
    path = f"{folder}/socket"
    environment = {**os.environ, **THREADS}
    if portable:
        pin(environment)
    with socket.socket(socket.AF_UNIX) as listener:
        # bound here, so that no command comes too early
        listener.bind(path)
        listener.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-m", "pipelines.preload_server", str(listener.fileno())],
            stdin=subprocess.PIPE, env=environment, pass_fds=(listener.fileno(),),
        )  # fmt: skip
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[ADDRESS] = path
    return server


def main(listener: socket.socket) -> None:
    """Serves at a socket that listens."""
    for number in PASSED_ON:
        # a signal to the whole group reaches commands through their clients
        signal.signal(number, signal.SIG_IGN)
    Server(listener).serve(0)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))

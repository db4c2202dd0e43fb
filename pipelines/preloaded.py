"""A command in a process that has the libraries loaded already: ``python -m pipelines.preloaded
MODULE ARGUMENTS...`` does what ``python -m MODULE ARGUMENTS...`` does.

Loading PyTorch and what goes with it takes a job of the demo as long as a third of its work.  Where
Snakemake has started a server (:mod:`pipelines.preload_server`), the command runs in a fork of it:
a process of its own, with this one's folder, environment, output and signals.  Without a server, or
where the server's libraries were loaded with other settings, it runs here.

A signal is passed on; who kills this process ends its work too.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

ADDRESS = "MIXLIB_PRELOADED"
"""Environment variable that holds the path of the server's socket."""
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
REFUSED = "refused"
LIMIT = 1 << 20


def main(words: Sequence[str]) -> int:
    """Runs a module as a program and returns its exit code."""
    if not words:
        print("usage: python -m pipelines.preloaded MODULE ARGUMENTS...", file=sys.stderr)
        return 2
    code = ask(os.environ[ADDRESS], words) if os.environ.get(ADDRESS) else None
    if code is not None:
        return code
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return 0


def ask(address: str, words: Sequence[str]) -> int | None:
    """Lets the server run a command, and waits for its end.

    Args:
        address: path of the server's socket.
        words: module and arguments.

    Returns:
        The exit code, 128 + n after signal n; None where there is no server or it refuses.
    """
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(address)
        except OSError:
            return None
        before = {number: signal.getsignal(number) for number in PASSED_ON}
        heard = [number for number in PASSED_ON if before[number] is not signal.SIG_IGN]
        request = {
            "words": list(words),
            "folder": os.getcwd(),
            "environment": dict(os.environ),
            # one that is ignored (nohup) stays so
            "ignored": [int(number) for number in PASSED_ON if number not in heard],
        }
        # signals that come before the work has begun are passed on when it has
        waiting: list[int] = []
        for number in heard:
            signal.signal(number, lambda n, _frame: waiting.append(n))
        send(server, request, (0, 1, 2))
        answer = _await(server, waiting)
        if answer is None or answer == {"state": REFUSED}:
            for number, handler in before.items():
                signal.signal(number, handler)
            for received in waiting:
                signal.raise_signal(received)
        if answer is None:
            return 128 + signal.SIGKILL
        return None if answer == {"state": REFUSED} else int(answer["code"])


def _await(server: socket.socket, waiting: list[int]) -> dict[str, Any] | None:
    """The server's last word; None where it has gone without one."""
    server.settimeout(0.2)
    text = b""
    while True:
        while waiting:
            with suppress(OSError):  # the work has ended, and says so below
                server.sendall(bytes([waiting.pop(0)]))
        try:
            part = server.recv(LIMIT)
        except TimeoutError:
            continue
        except OSError:
            return None
        text += part
        if text.endswith(b"\n"):
            return dict(json.loads(text))
        if not part:
            return None


def send(to: socket.socket, body: Mapping[str, Any], files: Sequence[int] = ()) -> None:
    """Sends a message of one line, with open files where there are any."""
    text = json.dumps(body).encode() + b"\n"
    if files:
        sent = socket.send_fds(to, [text], list(files))
        text = text[sent:]
    if text:
        to.sendall(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

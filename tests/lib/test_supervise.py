"""The small process that keeps web and workers running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator_site.lib import supervise
from tests.product import free_port

COMMAND = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Fine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Fine).serve_forever()
"""


def test_a_port_that_is_taken_is_said_and_nothing_is_started(monkeypatch, capsys):
    monkeypatch.setattr(supervise, "TAKEN_SECONDS", 0.3)
    monkeypatch.setattr(supervise, "_start", lambda name: pytest.fail("nothing may be started"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert supervise.main([f"http://127.0.0.1:{other.getsockname()[1]}/healthz", "web"]) == 1
    assert "set PORT to another" in capsys.readouterr().err


def test_under_nohup_it_outlives_its_terminal_and_still_stops_when_told(tmp_path):
    (tmp_path / "manage.py").write_text(COMMAND)
    port = free_port()
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "orchestrator_site.lib.supervise", f"http://127.0.0.1:{port}/", str(port)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(supervise.__file__).resolve().parents[2]), "AWO_WELCOME": "here"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "here"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.7)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_forked_child_is_waited_for_and_ended_like_any_other():
    quick = supervise.Forked(supervise.fork(lambda: None))
    assert quick.wait(5) == 0
    refused = supervise.Forked(supervise.fork(lambda: sys.exit(3)))
    assert refused.wait(5) == 3
    long = supervise.Forked(supervise.fork(lambda: time.sleep(30)))
    assert long.poll() is None
    end = time.monotonic() + 5
    while os.getsid(long.pid) != long.pid and time.monotonic() < end:
        time.sleep(0.01)
    assert os.getsid(long.pid) == long.pid, "the terminal's Ctrl+C is not for it"
    with pytest.raises(subprocess.TimeoutExpired):
        long.wait(0.05)
    long.terminate()
    assert long.wait(5) == -signal.SIGTERM
    long.terminate()


def test_children_that_were_forked_before_are_kept_and_their_end_is_said(monkeypatch, capsys):
    monkeypatch.setattr(supervise, "_start", lambda name: pytest.fail("it runs already"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    child = supervise.fork(lambda: sys.exit(2))
    monkeypatch.setenv(supervise.CHILDREN, f"web={child}")
    assert supervise.main([f"http://127.0.0.1:{free_port()}/healthz", "web"]) == 1
    assert "web ended at once" in capsys.readouterr().err
    assert supervise.CHILDREN not in os.environ

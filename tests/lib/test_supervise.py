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

"""A process that has called out may fork (django-q2 does): the child still looks up names, and its deadlines hold."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from django.conf import settings
from tests.lib.outside import outside
from orchestrator_site.lib.outbound import Call, Lost, guarded_session
with outside() as server:
    settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{server.port}"]
    assert guarded_session(Call(seconds=5)).get(server.url("/parent")).text == "GET /parent"
    child = os.fork()
    if child == 0:
        started = time.monotonic()
        try:
            assert guarded_session(Call(seconds=5)).get(server.url("/child")).text == "GET /child"
            guarded_session(Call(seconds=0.5)).get(server.url("/drip"))
        except Lost:
            os._exit(0 if time.monotonic() - started < 3 else 2)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    print("exit", os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_can_call_out_and_its_deadlines_hold():
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == "exit 0", done.stderr.decode()

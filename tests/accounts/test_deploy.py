"""Django's own deployment checks, with the settings of production."""

import os
import subprocess
import sys


def test_check_deploy_has_nothing_to_say(tmp_path):
    named = {"PRODUCTION": "1", "ALLOWED_HOSTS": "app.example.com", "PUBLIC_URL": "https://app.example.com"}
    environment = {
        **os.environ,
        **named,
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "orchestrator_site.settings",
    }
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert run.returncode == 0 and "no issues" in run.stdout, run.stdout + run.stderr

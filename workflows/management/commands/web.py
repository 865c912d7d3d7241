"""`manage.py web`: the web process (gunicorn with threads); PORT and BIND say where it listens."""

from __future__ import annotations

import gc
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from orchestrator_site.lib import environment as env

THREADS = 64
# Checking a definition of 1,000 steps makes a million small things that stay: each look at all of them took 80 ms.
COLLECT_AFTER = 20_000


class Command(BaseCommand):
    """Serve the pages and the API until told to stop."""

    help = "Serve the pages and the API."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--bind", default=env.text("BIND", "127.0.0.1"), help="127.0.0.1 unless told")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start gunicorn in this process."""
        from gunicorn.app.base import BaseApplication

        class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
            """gunicorn, told everything here."""

            def load_config(self) -> None:
                """One process, many threads: the work is elsewhere, and live pages hold a thread each."""
                for name, value in {
                    "bind": f"{options['bind']}:{options['port']}",
                    "worker_class": "orchestrator_site.lib.web_worker.WebWorker",
                    "workers": env.number("WEB_PROCESSES", 1, low=1, high=32),
                    "threads": THREADS,
                    "timeout": 60,
                    "graceful_timeout": 10,
                    "keepalive": 5,
                    "limit_request_line": 8190,
                    "limit_request_field_size": 16_380,
                    "accesslog": None,
                    "errorlog": "-",
                    "loglevel": "warning",
                    "worker_tmp_dir": "/dev/shm" if env.flag("GUNICORN_SHM", True) else None,  # noqa: S108 - memory, for the heartbeat
                    "control_socket_disable": True,
                }.items():
                    if name in self.cfg.settings:
                        self.cfg.set(name, value)

            def load(self) -> Any:
                """The WSGI application with every page loaded, so that the processes share that memory."""
                from django.core.wsgi import get_wsgi_application
                from django.urls import get_resolver

                application = get_wsgi_application()
                list(get_resolver().url_patterns)
                connections.close_all()
                gc.collect()
                gc.freeze()
                gc.set_threshold(COLLECT_AFTER)
                return application

        Server().run()

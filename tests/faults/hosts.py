"""Two workers on two hosts over one PostgreSQL (F12, F27): network namespaces with process namespaces of their own.

A cut is silent, as a broken switch is: frames go to an address that nobody has. Times of the partitions are scaled
(lease 6 s); recovery from another machine is measured with the product's own lease of 30 s.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from tests.faults import servers
from tests.faults.eyes import Recovery
from tests.faults.report import Row, left_out, row
from tests.faults.stage import Stage

NET, DATABASE, SERVICE, BRIDGE = "10.197.0", "10.197.0.1", "10.197.0.9", "awobr"
NOBODY = "02:00:00:00:00:99"
HOSTS = {"a": f"{NET}.2", "b": f"{NET}.3"}
# The product's own transports: what is cut off must not arrive later.
TRANSPORTS = {"a": "blocking", "b": "async"}
QUIET = 120.0
OTHER_MACHINE = {"pure": 37.0, "effect": 75.0}


def stories(database: str, rounds: int = 4) -> Iterator[Row]:
    """Partitions, cuts to the service, and deaths seen from another machine; PostgreSQL only."""
    why = _missing()
    if database != "postgres":
        return
    if why:
        yield left_out("two hosts", database, why)
        return
    yield partitions("database and service", (DATABASE, SERVICE), rounds)
    yield partitions("service only", (SERVICE,), rounds)
    yield partitions("database only", (DATABASE,), rounds)
    yield deaths(2)


def _missing() -> str:
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare"))):
        return "network namespaces need root, ip and unshare"
    if servers.postgres_binaries() is None:
        return "there is no initdb on this machine"
    made = subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], capture_output=True, check=False)
    if made.returncode:
        return f"no bridge can be made here: {made.stderr.decode().strip()}"
    subprocess.run(["ip", "link", "del", BRIDGE], check=False)
    return ""


@contextmanager
def network() -> Iterator[None]:
    """A bridge with the database's and the service's address, and two hosts on it."""
    _ip(f"link add {BRIDGE} type bridge")
    try:
        for address in (DATABASE, SERVICE):
            _ip(f"addr add {address}/24 dev {BRIDGE}")
        _ip(f"link set {BRIDGE} up")
        for name, address in HOSTS.items():
            _ip(f"netns add awo-{name}")
            _ip(f"link add awo-{name} type veth peer name eth0 netns awo-{name}")
            _ip(f"link set awo-{name} master {BRIDGE} up")
            _ip(f"-n awo-{name} addr add {address}/24 dev eth0")
            _ip(f"-n awo-{name} link set eth0 up")
            _ip(f"-n awo-{name} link set lo up")
        yield
    finally:
        for name in HOSTS:
            subprocess.run(["ip", "link", "del", f"awo-{name}"], check=False, capture_output=True)
            subprocess.run(["ip", "netns", "del", f"awo-{name}"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def cut(host: str, addresses: tuple[str, ...]) -> None:
    """What this host sends there arrives nowhere."""
    for address in addresses:
        _ip(f"-n awo-{host} neigh replace {address} lladdr {NOBODY} dev eth0 nud permanent")


def mend(host: str, addresses: tuple[str, ...]) -> None:
    """The way is open again."""
    for address in addresses:
        _ip(f"-n awo-{host} neigh del {address} dev eth0")


class Machines(Stage):
    """A stage whose workers live on two hosts, each with a DATA_DIR of its own and the instance's keys."""

    def __init__(self, server: servers.Postgres, lease: int, scale: float) -> None:
        keys = {"SECRET_KEY": Fernet.generate_key().decode(), "FIELD_KEY": Fernet.generate_key().decode()}
        super().__init__("postgres", lease, scale, postgres=server.url, host=SERVICE, **keys)

    def start_host(self, name: str) -> subprocess.Popen[bytes]:
        """The workers of a host."""
        data = Path(self.folder) / f"host-{name}"
        data.mkdir(exist_ok=True)
        inside = f'hostname host-{name}; exec "$@"'
        wrapped = ("unshare", "--pid", "--fork", "--mount-proc", "--uts", "bash", "-c", inside, "--")
        before = self.alive_on(name)
        top = self.start_workers(
            prefix=("ip", "netns", "exec", f"awo-{name}", *wrapped),
            wait=False,
            DATA_DIR=str(data),
            FAKE_TRANSPORT=TRANSPORTS[name],
        )
        self.until(lambda: self.alive_on(name) >= before + 2, 60)
        return top

    def alive_on(self, name: str) -> int:
        """How many live leases that host has had."""
        return int(self.eyes.one("SELECT count(*) FROM workflows_worker WHERE host = %s", (f"host-{name}",)))


@contextmanager
def stage_of_two(lease: int, scale: float) -> Iterator[Machines]:
    """The network, the database, the service and the product."""
    with network(), servers.postgres(DATABASE, f"{NET}.0/24") as server, Machines(server, lease, scale) as stage:
        yield stage


def partitions(what: str, addresses: tuple[str, ...], rounds: int) -> Row:
    """Now one host, now the other is cut off for a while below or above the lease, under load."""
    with stage_of_two(12, 0.5) as stage, stage.recovery() as recovery:
        for name in HOSTS:
            stage.start_host(name)
        for turn in range(rounds):
            name = "ab"[turn % 2]
            _load(stage)
            time.sleep(0.7)
            cut(name, addresses)
            stage.kills += 1
            seconds = (1.5, 0.5, 2.5)[turn % 3] * stage.lease_seconds
            if DATABASE in addresses and seconds > stage.lease_seconds * 1.5:
                recovery.hit_host(f"host-{name}")
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                _load(stage)
                time.sleep(1.0)
            mend(name, addresses)
        stage.until_quiet(QUIET, answer=True)
        return row(f"cut from {what}", stage, recovery)


def deaths(times: int) -> Row:
    """A whole host dies; the other one sees it by observation alone. The product's own times: lease 30 s."""
    with stage_of_two(30, 1.0) as stage, stage.recovery() as recovery:
        tops = {name: stage.start_host(name) for name in HOSTS}
        for turn in range(times):
            name = "ab"[turn % 2]
            _until_it_owns(stage, name)
            stage.kill_all(tops[name])
            stage.kills += 1
            recovery.hit_host(f"host-{name}")
            stage.until_quiet(QUIET, answer=True)
            tops[name] = stage.start_host(name)
        return row("death of a host", stage, recovery, wrong=_too_slow(recovery))


def _until_it_owns(stage: Machines, name: str) -> None:
    """Until the host holds runs, and changes that are on their way."""
    sql = (
        "SELECT count(*) FROM workflows_effect e JOIN workflows_run r ON r.id = e.run_id "
        "JOIN workflows_worker w ON w.id = r.worker_id WHERE e.state = 'sent' AND w.host = %s"
    )
    for _ in range(40):
        stage.plan(*["slow:3"] * 6)
        stage.start_runs("effects", 4)
        stage.start_runs("slow", 4)
        if stage.until(lambda: stage.eyes.one(sql, (f"host-{name}",)) > 1, 2.0):
            return


def _too_slow(recovery: Recovery) -> list[str]:
    found = {"pure": recovery.pure, "effect": recovery.effect}
    return [
        f"{kind}: recovered after {max(seconds):.1f} s"
        for kind, seconds in found.items()
        if seconds and max(seconds) > OTHER_MACHINE[kind]
    ]


def _load(stage: Stage) -> None:
    if stage.eyes.unfinished() < 30:
        stage.plan("slow:2", "lose", "ok", "drop")
        for slug, count in (("effects", 3), ("pair", 3), ("each", 1), ("forks", 1), ("rounds", 1), ("slow", 1)):
            stage.start_runs(slug, count)

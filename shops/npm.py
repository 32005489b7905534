"""Shops that come from npm: installed under .venv, in the versions their package.json pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from shops.process import ShopError

HERE = Path(__file__).parent
HOME = HERE.parent / ".venv" / "shops"


def missing(name: str) -> str | None:
    """Why a shop cannot be run here, if it cannot."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    if not _current(name):
        return f"{name} is not installed: run python -m shops install {name}"
    return None


def install(name: str) -> Path:
    """Install a shop unless it is there, and lay its files beside it: its folder."""
    home = HOME / name
    if not _current(name):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        _lay(name, home)
        locked = (home / "package-lock.json").exists()
        command = ["npm", "ci"] if locked else ["npm", "install", "--package-lock=false"]
        # nothing here needs a build or a download of its own
        options = "--ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error"
        subprocess.run([*command, *options.split()], cwd=home, check=True)
        (home / "installed").write_text(_stamp(name))
    _lay(name, home)
    return home


def call(command: Sequence[str | Path], home: Path, environment: dict[str, str]) -> None:
    """Run a program of the shop's to its end. Raises ShopError with what it printed."""
    done = subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ShopError(f"{command}: {(done.stdout + done.stderr)[-4000:]}")


def environment(**more: str) -> dict[str, str]:
    """The environment of a node process, quiet and without telemetry."""
    quiet = {
        "NODE_NO_WARNINGS": "1",
        "VENDURE_DISABLE_TELEMETRY": "true",
        "MEDUSA_DISABLE_TELEMETRY": "true",
        "NODE_ENV": "production",
    }
    return {**os.environ, **quiet, **more}


def _lay(name: str, home: Path) -> None:
    for file in [*(HERE / name).glob("*.js"), *(HERE / name).glob("*.json")]:
        shutil.copyfile(file, home / file.name)


def _stamp(name: str) -> str:
    files = [path for path in sorted((HERE / name).glob("package*.json")) if path.is_file()]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _current(name: str) -> bool:
    stamp = HOME / name / "installed"
    return stamp.is_file() and stamp.read_text() == _stamp(name)

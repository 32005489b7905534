"""What a user installs: the wheel, in an environment that has no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, home: Path) -> str:
    """What a command prints, without any setting of this process."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600,
        env={"PATH": os.defpath, "HOME": str(home), "VITRINA_HOME": str(home), "COLUMNS": "80"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The bin directory of an environment with the wheel, and its dependencies by path."""
    dist, environment = tmp_path / "dist", tmp_path / "venv"
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist, cwd=ROOT,
        home=tmp_path)  # fmt: skip
    (wheel,) = dist.glob("vitrina-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path, home=tmp_path)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", wheel, cwd=tmp_path, home=tmp_path)  # fmt: skip
    (packages,) = environment.glob("lib/python*/site-packages")
    # a path file within that folder is not read, so the checkout stays out of the way
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(
        python, "-c", "import vitrina; print(vitrina.__file__)", cwd=tmp_path, home=tmp_path
    )
    assert Path(where.strip()).is_relative_to(environment)
    return environment / "bin"


def test_the_wheel_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    vitrina = installed / "vitrina"
    # every account may enter it: no Postgres runs as root
    with tempfile.TemporaryDirectory(prefix="vitrina-wheel-") as given:
        home = Path(given)
        try:
            assert "vitrina search" in run(vitrina, "demo", cwd=tmp_path, home=home)
            hit = run(vitrina, "search", "grey couch", "-k", "1", "--json", cwd=tmp_path, home=home)
            assert '"FU-107"' in hit
        finally:
            run(vitrina, "db", "stop", cwd=tmp_path, home=home)

"""What docs/operations.md says is run: the backup, its queries; its metrics exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import servers
from serving import serving
from vitrina import embedded

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
RESTORED = "restored"  # as on the page


def address(url: str) -> dict[str, str]:
    """The variables of libpq for a database."""
    parts = conninfo_to_dict(url)
    return {
        "PGHOST": str(parts["host"]), "PGPORT": str(parts["port"]), "PGUSER": str(parts["user"]),
        "PGDATABASE": str(parts["dbname"]),
    }  # fmt: skip


def test_a_backup_is_restored_as_the_page_says(
    server: embedded.Server, demo_template: str, tmp_path: Path
) -> None:
    block = re.search(r"```sh\n(pg_dump.*?)```", PAGE, re.DOTALL)
    assert block is not None
    assert "pg_restore" in block[1]
    bins = [str(embedded.bin_dir(server.version)), str(Path(sys.executable).parent)]
    path = os.pathsep.join([*bins, os.environ["PATH"]])
    env = {**os.environ, **address(server.url(demo_template)), "PATH": path}
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block[1]],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "up to date" in done.stderr
        assert "Sofa" in done.stdout
    finally:
        servers.drop(server, RESTORED)


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_of_the_page_run(
    server: embedded.Server, demo_template: str, query: str
) -> None:
    with psycopg.connect(server.url(demo_template), application_name="vitrina") as conn:
        assert conn.execute(query).fetchall()


def test_every_metric_of_the_page_is_given(server: embedded.Server, demo_template: str) -> None:
    """But those of a replica, which tests/processes/test_standby.py has."""
    with serving(server.url(demo_template), "--no-remember") as served:
        served.get("/api/search?q=sofa")
        given = set(re.findall(r"^# TYPE (\w+)", served.get("/metrics").text, re.MULTILINE))
    said = {name.removesuffix("_bucket").removesuffix("_count") for name in
            re.findall(r"\bvitrina_[a-z_]+", PAGE)} - {"vitrina_reader", "vitrina_writer"}  # fmt: skip
    absent = {name for name in said - given if not name.startswith("vitrina_standby_")}
    # without a failure or a budget there is no sample
    assert absent <= {"vitrina_job_failures", "vitrina_budget_usd", "vitrina_budget_spent_usd"}
    assert given <= said


def test_the_licences_are_those_of_the_pins() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_sbom.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout

"""`vitrina doctor`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from vitrina.cli._common import database_url, emit, output_options


@click.command("doctor")
@click.option(
    "--deep", is_flag=True, help="Also check all data: every derived text, vector and reference."
)
@click.option("--read-only", "reading", is_flag=True, help="Only searches: a standby will do.")
@output_options
def command(deep: bool, reading: bool, output: str | None) -> None:
    """Check versions, the database, privileges, spaces and work; say how to mend each.

    Exits 1 if something is wrong.

    \b
    Example:
      vitrina doctor
      vitrina doctor --deep
    """
    from vitrina.doctor import examine
    from vitrina.settings import Settings

    url = database_url()
    settings = Settings.from_environment(click.get_current_context().find_root().obj)
    findings = list(examine(url, settings, reading=reading, deep=deep))
    rows = [asdict(finding) for finding in findings]
    if output is None:
        for row in rows:
            row["do"] = "" if row["do"] == "nothing" else f"→ {row['do']}"
    emit(rows, output, below=("do",), lines=None)
    if any(finding.level == "wrong" for finding in findings):
        sys.exit(1)

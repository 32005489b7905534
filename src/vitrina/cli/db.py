"""`vitrina db …`: the embedded server, and the schema of any database."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

import click

from vitrina.cli._common import database_url, notice, progress_bar
from vitrina.errors import SchemaError


@click.group("db")
def command() -> None:
    """Start, stop, upgrade and inspect the database.

    \b
    Example:
      vitrina db psql
      vitrina --database-url postgresql://app@db.example/shop db upgrade
    """


@command.command("start")
def start() -> None:
    """Start the embedded Postgres if it is not running, and print its URL.

    \b
    Example:
      export VITRINA_DATABASE_URL=$(vitrina db start)
    """
    from vitrina import embedded

    click.echo(embedded.start().url())


@command.command("stop")
def stop() -> None:
    """Stop the embedded Postgres; the next command starts it again.

    \b
    Example:
      vitrina db stop
    """
    from vitrina import embedded

    notice("stopped" if embedded.stop() else "it was not running")


@command.command("url")
def url() -> None:
    """Print the URL of the database in use.

    \b
    Example:
      psql "$(vitrina db url)" -c "select title from vitrina.search('shoe storage')"
    """
    click.echo(database_url())


@command.command("psql", context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def psql(args: tuple[str, ...]) -> None:
    """Open psql on the database in use; arguments are passed on.

    \b
    Example:
      vitrina db psql -c "select title, similarity from vitrina.search('shoe storage')"
    """
    _run("psql", args)


@command.command("dump", context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def dump(args: tuple[str, ...]) -> None:
    """Write the database in use with pg_dump; arguments are passed on.

    \b
    Example:
      vitrina db dump --format custom --file shop.dump
    """
    _run("pg_dump", args)


@command.command("restore", context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def restore(args: tuple[str, ...]) -> None:
    """Bring a dump into the database in use, with pg_restore; arguments are passed on.

    It must be empty: name another one, or another VITRINA_HOME.

    \b
    Example:
      VITRINA_HOME=/srv/restored vitrina db restore --exit-on-error --no-privileges shop.dump
    """
    _run("pg_restore", args)


def _run(program: str, args: tuple[str, ...]) -> NoReturn:
    """Run a program of the embedded Postgres on the database in use; exits as it does."""
    from vitrina import embedded

    path = embedded.psql_path().with_name(program)
    done = subprocess.run([str(path), f"--dbname={database_url()}", *args], check=False)
    sys.exit(done.returncode)


@command.command("upgrade")
def upgrade() -> None:
    """Install vitrina into the database, or upgrade it to this version; safe to repeat.

    \b
    Example:
      vitrina --database-url postgresql://app@db/shop db upgrade
    """
    from vitrina.db import schema

    with progress_bar("full text") as show:
        done = schema.upgrade(database_url(), lambda renewed, total: show(renewed, total, ""))
    notice(f"upgraded: {', '.join(done)}" if done else "up to date")


@command.command("migrate")
@click.option("--to", type=int, default=18, show_default=True, help="Major version of Postgres.")
def migrate(to: int) -> None:
    """Bring the embedded Postgres of an older version to a newer one; safe to repeat.

    The old data is kept beside it.

    \b
    Example:
      vitrina db migrate --to 18
    """
    from vitrina import embedded

    done = embedded.migrate(to=to)
    if done is None:
        notice(f"nothing to do: there is no embedded Postgres older than {to}")
    else:
        notice(
            f"Postgres {done.version_from} is {done.version_to} now;"
            f" the old data is kept in {done.kept}: remove it once you are content"
        )


@command.command("downgrade")
@click.argument("revision", default="base")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(revision: str, yes: bool) -> None:
    """Downgrade the schema to REVISION; `base`, the default, removes vitrina and all its data.

    \b
    Example:
      vitrina db downgrade --yes
    """
    from vitrina.db import schema

    target = database_url()
    if not yes:
        what = "vitrina and all its data" if revision == "base" else f"everything after {revision}"
        click.confirm(f"Remove {what} from this database?", abort=True, err=True)
    schema.downgrade(target, revision)
    notice(f"downgraded to {revision}")


@command.command("check")
def check() -> None:
    """Check whether the database has this version of vitrina; exit 1 if not.

    \b
    Example:
      vitrina db check
    """
    from vitrina.db import schema

    state = schema.check(database_url())
    if not state.installed:
        raise SchemaError("vitrina is not installed in this database: run `vitrina db upgrade`")
    if not state.current:
        raise SchemaError(
            f"revision {state.revision}, this vitrina brings {state.head};"
            f" not up to date: {state.lacks}: run `vitrina db upgrade`"
        )
    notice(f"up to date: revision {state.revision}")


@command.command("sql")
@click.option("--without-data", is_flag=True, help="Leave out the rows of the data files.")
def sql(without_data: bool) -> None:
    """Print the SQL that installs vitrina, for psql; connects to no database.

    \b
    Example:
      vitrina db sql | psql --set ON_ERROR_STOP=1 postgresql://dba@db/shop
    """
    from vitrina.db import schema

    schema.write_sql(sys.stdout, data=not without_data)

"""`vitrina serve`."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import click

from vitrina.cli._common import notice
from vitrina.errors import ConfigError
from vitrina.settings import Settings


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
@click.option("--edit", is_flag=True, help="Add what writes: keywords, judgements, work.")
@click.option(
    "--token",
    envvar="VITRINA_TOKEN",
    metavar="TOKEN",
    help="Asked of everybody; needed to listen to more than this machine. Better in VITRINA_TOKEN.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that it is called by, as behind a proxy; repeatable.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="A site whose scripts may read /api, like https://shop.example; repeatable.",
)
@click.option(
    "--no-remember", is_flag=True, help="Write nothing at all, not even vectors of queries."
)
@click.option("--mcp", is_flag=True, help="Add the searches as tools of assistants, at /mcp.")
@click.option(
    "--count-within",
    type=click.IntRange(0),
    default=600,
    show_default=True,
    metavar="MILLISECONDS",
    help="Facets that are not counted by then are left out, and named.",
)
@click.option("--allow-private-images", is_flag=True, help="Fetch pictures of the private network.")
def command(
    host: str,
    port: int,
    open_: bool,
    edit: bool,
    token: str | None,
    allow_hosts: tuple[str, ...],
    origins: tuple[str, ...],
    no_remember: bool,
    mcp: bool,
    count_within: int,
    allow_private_images: bool,
) -> None:
    """Look at the catalogue: search as you type, with pictures, and an API for the shop.

    Only this machine is served unless there is a token; nothing is changed without --edit.

    \b
    Example:
      vitrina serve --open
    """
    try:
        from vitrina.web import server
        from vitrina.web.app import create_app
        from vitrina.web.services import MCP_PATH, Options, Services
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing: pip install 'vitrina[web]'") from error
    if mcp and find_spec("mcp") is None:
        raise ConfigError("mcp is missing: pip install 'vitrina[mcp]'")

    options = Options(host, port, edit, token or None, allow_hosts, origins, mcp, count_within)
    options.check()
    sock = server.listen(host, port)
    options = replace(options, port=sock.getsockname()[1])
    settings = replace(
        Settings.from_environment(click.get_current_context().find_root().obj),
        allow_private_images=allow_private_images,
    )
    address = server.address(options.host, options.port)

    def ready() -> None:
        said = "" if edit else " (read-only; --edit to change)"
        said += f", tools of assistants at {MCP_PATH}" if mcp else ""
        click.echo(f"vitrina serves {address}{said}")
        services.warm()
        if open_:
            click.launch(address)

    with Services.opened(settings, options, notice, remembers=not no_remember) as services:
        server.run(create_app(services), sock, ready, services.watch.leave)

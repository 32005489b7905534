"""Options of commands that ask models: which, how, and for how much."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from vitrina.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[Any], Any]

# Names of OpenAISettings; the option is the same with hyphens.
ENDPOINT = (
    "vision_model",
    "caption_model",
    "embedding_model",
    "dimensions",
    "detail",
    "image_urls",
    "domain",
    "language",
    "hints",
    "max_tokens",
)


def parse_usd(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """An amount of USD."""
    if value is None:
        return None
    try:
        amount = Decimal(value.removeprefix("$"))
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no amount of USD") from None
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter("an amount is zero or more")
    return amount


OPTIONS: dict[str, Option] = {
    "provider": click.option(
        "--provider",
        type=click.Choice(["local", "openai"]),
        envvar="VITRINA_PROVIDER",
        help="Who tags, captions and embeds. Without it: openai where OPENAI_API_KEY or"
        " OPENAI_BASE_URL is set, else local.",
    ),
    "one_call": click.option(
        "--one-call", is_flag=True, help="Ask the vision model for everything at once."
    ),
    "vision_model": click.option(
        "--vision-model", metavar="NAME", help="Looks at pictures [gpt-4o-mini]."
    ),
    "caption_model": click.option(
        "--caption-model", metavar="NAME", help="Writes captions [the vision model]."
    ),
    "embedding_model": click.option(
        "--embedding-model", metavar="NAME", help="Embeds [text-embedding-3-large]."
    ),
    "dimensions": click.option(
        "--dimensions", type=int, metavar="N", help="Of the embeddings [3072]."
    ),
    "detail": click.option(
        "--detail", type=click.Choice(["low", "high"]), help="How closely to look [low]."
    ),
    "image_urls": click.option(
        "--image-urls", is_flag=True, default=None, help="Send addresses of pictures, not pictures."
    ),
    "domain": click.option(
        "--domain", metavar="TEXT", help='What is sold, like "furniture and home".'
    ),
    "language": click.option(
        "--language", metavar="NAME", help="Of keywords and captions [English]."
    ),
    "hints": click.option(
        "--vocabulary",
        "hints",
        type=click.Choice(["open", "hint", "closed"]),
        help="Name any keyword, prefer existing ones, or only those [open].",
    ),
    "max_tokens": click.option(
        "--max-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="Of an answer, thinking included, at most [16000].",
    ),
    "max_cost": click.option(
        "--max-cost", callback=parse_usd, metavar="USD", help="Stop when so much is spent."
    ),
    "weave": click.option(
        "--weave", metavar="PROJECT", envvar="VITRINA_WEAVE_PROJECT", help="Trace to Weave."
    ),
    "concurrency": click.option(
        "--concurrency", default=8, show_default=True, metavar="N", help="Calls at once."
    ),
    "allow_private_images": click.option(
        "--allow-private-images", is_flag=True, help="Fetch pictures from private addresses too."
    ),
}


def image_root_option(command: F) -> F:
    """--image-root, for commands that read the pictures of products."""
    return click.option(
        "--image-root",
        "image_roots",
        multiple=True,
        type=click.Path(exists=True, file_okay=False),
        metavar="DIR",
        help="Pictures may be read from here too [VITRINA_IMAGE_ROOT]; may be given again.",
    )(command)


def provider_options(command: F) -> F:
    """Add them all; the command takes them as **options for `settings`."""
    for option in reversed(OPTIONS.values()):
        command = option(command)
    return command


def judge_options(command: F) -> F:
    """Add those that matter where keywords are judged."""
    for name in ("weave", "max_cost", "max_tokens", "domain", "vision_model", "provider"):
        command = OPTIONS[name](command)
    return command


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options above out of a command's, as changes to Settings."""
    endpoint = {name: options.pop(name) for name in ENDPOINT if name in options}
    names = ("provider", "one_call", "max_cost", "weave", "concurrency", "allow_private_images")
    chosen = {name: options.pop(name) for name in names if name in options}
    if roots := options.pop("image_roots", ()):
        chosen["image_roots"] = (*Settings.from_environment().image_roots, *roots)
    return {"endpoint": endpoint, **chosen}

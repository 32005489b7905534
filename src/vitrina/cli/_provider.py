"""Options of commands that ask models: which models, how, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from vitrina.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[Any], Any]

# Fields of OpenAISettings; the option has hyphens instead of underscores.
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
        raise click.BadParameter(f"{value!r} is not an amount of USD") from None
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter("an amount must be zero or more")
    return amount


OPTIONS: dict[str, Option] = {
    "provider": click.option(
        "--provider",
        type=click.Choice(["local", "openai"]),
        envvar="VITRINA_PROVIDER",
        help="The provider that tags, captions and embeds [openai if OPENAI_API_KEY or"
        " OPENAI_BASE_URL is set, else local].",
    ),
    "one_call": click.option(
        "--one-call", is_flag=True, help="Ask the vision model for everything in one call."
    ),
    "pictures": click.option(
        "--pictures",
        type=click.IntRange(1, 10),
        default=1,
        show_default=True,
        envvar="VITRINA_PICTURES",
        metavar="N",
        help="Show a vision model up to N pictures of a product; each costs as much as the first.",
    ),
    "vision_model": click.option(
        "--vision-model", metavar="NAME", help="The model that looks at pictures [gpt-4o-mini]."
    ),
    "caption_model": click.option(
        "--caption-model", metavar="NAME", help="The model that writes captions [the vision model]."
    ),
    "embedding_model": click.option(
        "--embedding-model",
        metavar="NAME",
        help="The model that embeds texts [text-embedding-3-large].",
    ),
    "dimensions": click.option(
        "--dimensions", type=int, metavar="N", help="Dimensions of the embeddings [3072]."
    ),
    "detail": click.option(
        "--detail",
        type=click.Choice(["low", "high"]),
        help="How closely the model looks at a picture [low].",
    ),
    "image_urls": click.option(
        "--image-urls",
        is_flag=True,
        default=None,
        help="Send the URLs of pictures, not the pictures.",
    ),
    "domain": click.option(
        "--domain", metavar="TEXT", help='What the shop sells, like "furniture and home".'
    ),
    "language": click.option(
        "--language", metavar="NAME", help="Language of keywords and captions [English]."
    ),
    "hints": click.option(
        "--vocabulary",
        "hints",
        type=click.Choice(["open", "hint", "closed"]),
        help="Let the model use any keyword, prefer existing ones, or use only those [open].",
    ),
    "max_tokens": click.option(
        "--max-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="Most tokens of an answer, thinking included [16000].",
    ),
    "max_cost": click.option(
        "--max-cost", callback=parse_usd, metavar="USD", help="Stop once this much is spent."
    ),
    "weave": click.option(
        "--weave",
        metavar="PROJECT",
        envvar="VITRINA_WEAVE_PROJECT",
        help="Trace to this Weave project.",
    ),
    "concurrency": click.option(
        "--concurrency", default=8, show_default=True, metavar="N", help="Parallel calls."
    ),
    "allow_private_images": click.option(
        "--allow-private-images", is_flag=True, help="Also fetch pictures from private addresses."
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
        help="Also read pictures from this folder [VITRINA_IMAGE_ROOT]; repeatable.",
    )(command)


def provider_options(command: F) -> F:
    """Add all these options; the command takes them as **options for `settings`."""
    for option in reversed(OPTIONS.values()):
        command = option(command)
    return command


def judge_options(command: F) -> F:
    """Add the options that matter to judging keywords."""
    for name in ("weave", "max_cost", "max_tokens", "domain", "vision_model", "provider"):
        command = OPTIONS[name](command)
    return command


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options above out of a command's options, as changes to Settings."""
    endpoint = {name: options.pop(name) for name in ENDPOINT if name in options}
    names = (
        "provider",
        "one_call",
        "pictures",
        "max_cost",
        "weave",
        "concurrency",
        "allow_private_images",
    )
    chosen = {name: options.pop(name) for name in names if name in options}
    if roots := options.pop("image_roots", ()):
        chosen["image_roots"] = (*Settings.from_environment().image_roots, *roots)
    return {"endpoint": endpoint, **chosen}

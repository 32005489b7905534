"""How values read on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from vitrina.printing import counted
from vitrina.web.state import REPEATED, SINGLE, decimal

MINUTE, HOUR, DAY = 60, 3600, 86400
NAMES = {*SINGLE, *REPEATED, "which", "days", "id", "skip"}  # of addresses
DECIDED = {
    "new": "a new keyword",
    "form": "another form",
    "thesaurus": "thesaurus",
    "embedding": "near in meaning",
    "judge": "a model’s verdict",
    "manual": "by hand",
}
CHANGES = {
    "merge": ("Merged {} into {}", ("terms", "into")),
    "split": ("Split {} off {}", ("term", "from")),
    "rename": ("Renamed {} to {}", ("keyword", "name")),
    "pin": ("Pinned {}", ("keyword",)),
    "unpin": ("Unpinned {}", ("keyword",)),
    "facet": ("Moved {} to the facet {}", ("keyword", "facet")),
    "drop": ("Dropped {}", ("term",)),
    "distinct": ("Kept {} and {} apart", ("a", "b")),
    "set": ("Set the keywords of {}", ("products",)),
    "reset": ("Gave {} the keywords that were said", ("products",)),
    "seed": ("Loaded {} keywords from a file", ("keywords",)),
    "undo": ("Undid change {}", ("change",)),
}


def number(value: float | None) -> str:
    """A number with its thousands apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def price(attributes: Mapping[str, Any]) -> str:
    """What a product costs, like "49.90 EUR", "49 to 55 EUR" or "$49.90"."""
    least, most = attributes.get("price"), attributes.get("price_max")
    if isinstance(least, bool) or not isinstance(least, int | float):
        return ""
    said = number(least)
    if isinstance(most, int | float) and most > least:
        said += f" to {number(most)}"
    currency = attributes.get("currency")
    if currency == "$":
        return f"${said}"
    return f"{said} {currency}" if isinstance(currency, str) else said


def usd(value: float | None) -> str:
    """An amount of money that models cost."""
    if value is None:
        return "unknown"
    return f"{value:.4f}" if value else "0"


def ago(moment: datetime | None) -> str:
    """How long ago, like "5 minutes ago"."""
    if moment is None:
        return "never"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, noun in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), noun)} ago"
    return "just now"


def share(value: float | None) -> str:
    """A share of 1 with two places."""
    return "" if value is None else f"{value:.2f}"


def lit(text: str) -> Markup:
    """A text with what stands between ⟦ and ⟧ lit up."""
    marked = Markup()
    for place, piece in enumerate(text.replace("⟧", "⟦").split("⟦")):
        marked += Markup("<mark>%s</mark>") % piece if place % 2 else escape(piece)
    return marked


def decided(method: str | None) -> str:
    """How the keyword of a term was decided, in words."""
    return DECIDED.get(method or "new", method or "")


def money(usd: Decimal | float | None) -> str:
    """An amount of US dollars; small ones with more places."""
    if usd is None:
        return ""
    return f"{usd:,.2f} USD" if usd >= 1 or not usd else f"{usd:.4f} USD"


def sentence(text: str) -> str:
    """A reason as a sentence: a capital letter, unless it begins with a name, and a full stop."""
    text = text.strip()
    first = text.partition(" ")[0]
    if first not in NAMES and "." not in first:
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?", ":")) else ".")


def change(action: str, arguments: Mapping[str, Any] | None) -> Markup:
    """A change of the vocabulary in words, like "Merged couch into sofa", names marked."""
    given = {name: _few(value) for name, value in (arguments or {}).items()}
    if action in CHANGES and all(given.get(name) for name in CHANGES[action][1]):
        words, names = CHANGES[action]
        return Markup(words).format(  # noqa: S704
            *(Markup("<strong>{}</strong>").format(given[n]) for n in names)
        )
    parts = [f"{name.replace('_', ' ')} {value}" for name, value in given.items() if value]
    return Markup("{} {}").format(action.capitalize(), " · ".join(parts))


def _few(value: object) -> str:
    """The first of some values."""
    each = value if isinstance(value, list) else [value]
    shown = ", ".join(
        str(one)[:80] for one in each[:3] if one is not None and not isinstance(one, dict | list)
    )
    return f"{shown} and {len(each) - 3} more" if len(each) > 3 and shown else shown


def shown(value: object) -> str:
    """An attribute's value in words."""
    if isinstance(value, list):
        return ", ".join(shown(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {shown(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return decimal(value)
    return "" if value is None else str(value)


ALL = {
    "number": number,
    "price": price,
    "usd": usd,
    "ago": ago,
    "share": share,
    "counted": counted,
    "lit": lit,
    "decided": decided,
    "money": money,
    "sentence": sentence,
    "change": change,
    "shown": shown,
}

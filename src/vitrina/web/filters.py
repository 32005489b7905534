"""How values read on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from vitrina.printing import counted

MINUTE, HOUR, DAY = 60, 3600, 86400


def number(value: float | None) -> str:
    """A number with its thousands apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def price(attributes: Mapping[str, Any]) -> str:
    """What a product costs, like "49.90 EUR" or "49 to 55 EUR"."""
    least, most = attributes.get("price"), attributes.get("price_max")
    if isinstance(least, bool) or not isinstance(least, int | float):
        return ""
    said = number(least)
    if isinstance(most, int | float) and most > least:
        said += f" to {number(most)}"
    currency = attributes.get("currency")
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


def said(arguments: Mapping[str, Any] | None) -> str:
    """The arguments of a change in a few words."""
    parts = []
    for name, value in (arguments or {}).items():
        each = value if isinstance(value, list) else [value]
        shown = ", ".join(str(one) for one in each[:3] if not isinstance(one, dict | list))
        more = f" and {len(each) - 3} more" if len(each) > 3 else ""
        if shown:
            parts.append(f"{name.replace('_', ' ')}: {shown[:80]}{more}")
    return " · ".join(parts)


ALL = {
    "number": number,
    "price": price,
    "usd": usd,
    "ago": ago,
    "share": share,
    "counted": counted,
    "lit": lit,
    "said": said,
}

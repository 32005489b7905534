"""Sorts out the attributes that variants share from those that tell them apart."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from vitrina.files.items import Picture, Variant
from vitrina.files.nested import LONG

MAX_LIST = 200  # values of the variants that are listed at the product
_EDGE = re.compile(r"[\s\-–—,|/:(]+$")


def size(attributes: dict[str, object]) -> int:
    """How many characters attributes have, where that may be many."""
    for value in attributes.values():
        if value.__class__ is list or value.__class__ is dict:
            return len(json.dumps(attributes, default=str))
    return LONG * len(attributes)  # a longer text is not an attribute


def roles(pictures: list[str], of_variants: list[str]) -> tuple[Picture, ...]:
    """Pictures in order, each once, with their roles."""
    if len(pictures) == 1 and not of_variants:
        return (Picture(pictures[0], "main"),)
    found: dict[str, str] = {}
    for number, address in enumerate(pictures):
        found.setdefault(address, "further" if number else "main")
    for address in of_variants:
        found.setdefault(address, "variant" if found else "main")
    return tuple(Picture(address, role) for address, role in found.items())


def shared(
    attributes: dict[str, object],
    variants: list[Variant],
    own: list[dict[str, object]],
    is_sold: bool,
) -> list[Variant]:
    """Sort attributes into those of the product and those of single variants.

    What variants differ in is listed at the product, so that it can be filtered by.
    """
    differing: dict[str, None] = {}
    for said in own:
        for name, value in said.items():
            if name not in attributes or (attributes[name] != value and is_sold):
                differing[name] = None
    result = []
    for variant, said in zip(variants, own, strict=True):
        extra = {
            name: value
            for name, value in said.items()
            if name in differing or attributes.get(name) != value
        }
        result.append(replace(variant, attributes={**extra, **variant.attributes}))
    names: dict[str, None] = dict.fromkeys(
        name for variant in result for name in variant.attributes
    )
    for name in names:
        before = attributes.get(name)
        listed: dict[object, None] = {}
        if before is not None and name not in differing:
            listed.update((item, None) for item in _as_list(before) if _short(item))
        for variant in result:
            value = variant.attributes.get(name)
            for item in _as_list(value):
                if _short(item):
                    listed[item] = None
        if listed and len(listed) <= MAX_LIST:
            values = list(listed)
            attributes[name] = values[0] if len(values) == 1 else values
        elif name in differing:
            attributes.pop(name, None)
    return result


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _short(item: object) -> bool:
    return isinstance(item, int | float) or (isinstance(item, str) and len(item) <= 100)


def common_title(titles: list[str]) -> str:
    """The words that all titles of variants begin with; the first title if these are too short."""
    if len(set(titles)) == 1:
        return titles[0]
    words = [title.split(" ") for title in titles]
    count = 0
    for parts in zip(*words, strict=False):
        if len(set(parts)) > 1:
            break
        count += 1
    common = _EDGE.sub("", " ".join(words[0][:count]))
    return common if len(common) >= 3 else titles[0]

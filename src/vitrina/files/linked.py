"""Finds the products in JSON-LD (schema.org): whole, in lists, or put together by `@id`."""

from __future__ import annotations

from typing import Any

_PRODUCTS = ("Product", "ProductGroup", "ProductModel", "IndividualProduct", "SomeProducts")
_DEEP = 12


def products_in(*documents: Any) -> list[dict[str, Any]]:
    """The products and groups of products, with the nodes that they point to in place of `@id`.

    A product that a group has among its variants is part of the group, not a product of its own.
    """
    nodes: dict[str, dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for document in documents:
        _collect(document, nodes, found, 0)
    found = [_resolved(product, nodes, 0) for product in found]
    inside = {
        str(variant["@id"])
        for product in found
        for variant in many(product.get("hasVariant"))
        if isinstance(variant, dict) and "@id" in variant
    }
    return [product for product in found if str(product.get("@id")) not in inside]


def types_of(node: dict[str, Any]) -> list[str]:
    """The types of a node, without the address of their vocabulary."""
    return [str(name).rsplit("/", 1)[-1].rsplit(":", 1)[-1] for name in many(node.get("@type"))]


def many(value: Any) -> list[Any]:
    """The items of a value that may be a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _collect(
    value: Any, nodes: dict[str, dict[str, Any]], found: list[dict[str, Any]], depth: int
) -> None:
    if depth > _DEEP:
        return
    if isinstance(value, list):
        for item in value:
            _collect(item, nodes, found, depth + 1)
    elif isinstance(value, dict):
        if "@id" in value and len(value) > 1:
            nodes.setdefault(str(value["@id"]), value)
        if any(name in _PRODUCTS for name in types_of(value)):
            found.append(value)
            for variant in many(value.get("hasVariant")):
                if isinstance(variant, dict) and "@id" in variant and len(variant) > 1:
                    nodes.setdefault(str(variant["@id"]), variant)
            return
        for inner in value.values():
            _collect(inner, nodes, found, depth + 1)


def _resolved(value: Any, nodes: dict[str, dict[str, Any]], depth: int) -> Any:
    """The value with `{"@id": …}` replaced by the node of that id."""
    if depth > _DEEP:
        return value
    if isinstance(value, list):
        return [_resolved(item, nodes, depth + 1) for item in value]
    if isinstance(value, dict):
        if set(value) == {"@id"} and str(value["@id"]) in nodes:
            value = nodes[str(value["@id"])]
        return {
            # the way up leads back here
            key: inner if key == "isVariantOf" else _resolved(inner, nodes, depth + 1)
            for key, inner in value.items()
        }
    return value

"""The library as a program uses it: objects in, pictures of any form, products out."""

from __future__ import annotations

import io
import math
from datetime import date
from decimal import Decimal

import pytest
from PIL import Image

import vitrina
from vitrina import Catalog, InputError, NotFoundError, PictureError, UnreachableError, errors
from vitrina.cli.demo import folder
from vitrina.files import Mapping

SHOP = [
    {"id": 7, "title": "Red sofa", "price": Decimal("9.50"), "since": date(2026, 1, 2)},
    {"id": "8", "title": "Blue lamp", "brand": "Linden", "tags": ("new", "sale")},
]


def test_objects_come_in_and_are_found_shown_and_deleted(catalog: Catalog) -> None:
    done = catalog.ingest((dict(item) for item in SHOP), source="shop")
    assert (done.loaded.inserted, done.totals.products) == (2, 2)
    assert catalog.ingest(SHOP, source="shop").loaded.unchanged == 2
    (hit,) = catalog.search("sofa", price_max=10, sources=["shop"], k=1)
    assert hit.external_id == "7"
    sofa = catalog.get("7")
    assert (sofa.source, sofa.title, sofa.attributes["price"]) == ("shop", "Red sofa", 9.5)
    assert sofa == catalog.get(("shop", "7")) == catalog.get(sofa.product_id)
    assert "sofa" in {word.keyword for word in sofa.keywords}
    catalog.keywords.set([("shop", "7")], ["lamp"])
    assert [word.keyword for word in catalog.get("7").keywords] == ["lamp"]
    assert catalog.get("7").by_hand
    catalog.keywords.reset([("shop", "7")])
    assert catalog.get("7").keywords == sofa.keywords
    assert catalog.delete(["7", ("shop", "8")]) == 2
    with pytest.raises(NotFoundError, match="product '7' not found"):
        catalog.get("7")


def test_wrong_names_and_types_are_explained(catalog: Catalog) -> None:
    catalog.ingest(SHOP, source="shop")
    with pytest.raises(NotFoundError, match="source 'shup' not found; nearest: shop"):
        catalog.search("sofa", sources=["shup"])
    with pytest.raises(NotFoundError, match="keyword 'sopha' not found; nearest: sofa"):
        catalog.search("sofa", with_keywords=["sopha"])
    with pytest.raises(NotFoundError, match="attribute 'brnad' not found; nearest: brand"):
        catalog.search("sofa", attr={"brnad": "x"})
    with pytest.raises(NotFoundError, match="attribute 'brnad' not found; nearest: brand"):
        catalog.search("sofa", group_by="brnad")
    assert catalog.search("sofa", group_by="brand", where="$.price < 0") == []
    with pytest.raises(NotFoundError, match="attribute 'prise' not found; nearest: price"):
        catalog.facets(where="$.prise < 3")
    with pytest.raises(NotFoundError, match=r'its external id is a text: give "8"'):
        catalog.get(8)
    number = catalog.get("8").product_id
    with pytest.raises(NotFoundError, match=f"{number} is the product id of '8'"):
        catalog.get(str(number))
    with pytest.raises(InputError, match="named by its id"):
        catalog.get(("shop", 7))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no condition"):
        catalog.search("sofa", where="$.price")
    for value in (math.nan, -math.inf):
        with pytest.raises(InputError, match="a number is NaN or infinite"):
            catalog.search("sofa", weights={"text": value})
        with pytest.raises(InputError, match="a number is NaN or infinite"):
            catalog.search("sofa", attr={"price": value})
    with pytest.raises(InputError, match="name the source"):
        catalog.ingest(SHOP)
    done = catalog.ingest([{"id": 1, "title": ""}], source="none-of-it")
    assert [reject.reason for reject in done.loaded.rejects] == ["no title"]
    with pytest.raises(InputError, match="product 2 is str"):
        catalog.ingest([{"id": 1}, "x"], source="s")  # type: ignore[list-item]
    assert catalog.search("sofa", attr={"brand": "Nobody"}) == []


def test_objects_are_spoken_of_as_objects(catalog: Catalog) -> None:
    done = catalog.ingest([], source="shop")
    assert (done.loaded.read, done.totals.products, catalog.sources.list()) == (0, 0, [])
    with pytest.raises(InputError, match="prune=True would remove all of the source shop"):
        catalog.ingest(iter([]), source="shop", prune=True)
    with pytest.raises(InputError) as wrong:
        catalog.ingest([{"id": 1, "colour": "red"}], source="shop")
    assert str(wrong.value) == (
        "no column of the list of products looks like a title, among: id, colour;"
        ' name the column of titles with mapping={"title": "COLUMN"}'
    )
    (missing,) = catalog.ingest([{"id": 1, "title": "Sofa"}], source="shop").loaded.notices
    assert "--" not in missing
    assert 'mapping={"image": "COLUMN"}, or Mapping(image="{id}.jpg")' in missing
    with pytest.raises(InputError, match=r"the list of products has no .* \(FileOptions\(remap=Tr"):
        catalog.ingest([{"id": 1, "nom": "Sofa"}], source="shop")


def test_a_closed_catalog_says_that_it_is_closed(catalog: Catalog) -> None:
    catalog.close()
    with pytest.raises(UnreachableError, match="the catalog is closed"):
        catalog.search("sofa")


def test_a_picture_may_have_any_form(catalog: Catalog) -> None:
    path = folder() / "pictures" / "sofa-grey.webp"
    catalog.ingest(
        [{"id": 1, "title": "Sofa", "image": "sofa-grey.webp"}],
        source="shop",
        options=vitrina.FileOptions(Mapping(image_root=path.parent)),
    )
    data = path.read_bytes()
    with path.open("rb") as file, Image.open(path) as image:
        for given in (path, str(path), data, bytearray(data), io.BytesIO(data), file, image):
            (hit,) = catalog.search(image=given, k=1)
            assert hit.external_id == "1"
            assert hit.similarity is not None
            assert hit.similarity > 0.99
    for wrong in (b"", b"GIF89a nothing", 3, io.StringIO("text")):
        with pytest.raises(PictureError):
            catalog.search(image=wrong)  # type: ignore[arg-type]


def test_everything_is_exported() -> None:
    for name in vitrina.__all__:
        assert getattr(vitrina, name) is not None
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and kind.__module__ == "vitrina.errors" and name not in (
            "TooLateError", "TooMuchError", "PrivateAddressError", "StatusError", "BusyError",
            "DamagedError", "FolderError",
        ):  # fmt: skip
            assert name in vitrina.__all__

"""The local provider: right types, honest sentences, nothing that is not written or measured."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from vitrina.errors import ItemError
from vitrina.models.base import FACETS, Enrichment, Subject
from vitrina.models.local import lexicon
from vitrina.models.local.vision import LocalVision
from vitrina.pictures import decode
from vitrina.pictures.decode import Picture

VISION = LocalVision()
SMALL_WORDS = {"a", "an", "and", "for", "of", "the", "with"}


def enrich(title: str, picture: Picture | None = None, **attributes: object) -> Enrichment:
    return VISION.enrich(Subject(title, attributes, picture))


def terms(answer: Enrichment, *facets: str) -> list[str]:
    return [term.term for term in answer.terms if not facets or term.facet in facets]


@pytest.fixture
def red_picture(tmp_path: Path) -> Picture:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((50, 50, 150, 150), fill="#c8102e")
    image.save(tmp_path / "red.png")
    return decode.load("red.png", root=tmp_path)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Shoe Rack for living room with hooks", "shoe rack"),
        ("Dining Chairs Set of 2", "dining chair"),
        ("Table Lamp with fabric shade", "table lamp"),
        ("Accent Chair with Ottoman, Modern", "accent chair"),
        ("Lazy Sofa Armrest Clip-On Tray, for drinks", "tray"),
        ("Two Tone Collar With Green T-shirt", "t-shirt"),
        ("Apple Watch Band, Black Silicone", "smartwatch band"),
        ("Mens Casual Shoes Brown", "casual shoe"),
        ("Maybel Lip Gloss Pink 5 ml", "lip gloss"),
        ("Mirrors for Wall Decor, Golden Hanging Mirror", "mirror"),
        ("Bean Bag Filler Foam for Bean Bag Chairs", "bean bag filler"),
    ],
)
def test_the_head_of_the_title_is_the_type(title: str, kind: str) -> None:
    assert terms(enrich(title), "type")[0] == kind


def test_features_and_counts_are_keywords() -> None:
    answer = enrich("Shoe Rack for living room with hooks, 3-Tier, Set of Two")
    assert terms(answer) == ["shoe rack", "with hooks", "3-tier", "set of 2", "living room"]


def test_attribute_names_give_the_facet() -> None:
    answer = enrich(
        "Shree Women Patiala",
        articleType="Patiala Suits",
        baseColour="Multi",
        gender="Women",
        season="Fall",
        fabric="Muslin",
        usage="Ethnic",
    )
    assert [(t.term, t.facet) for t in answer.terms] == [
        ("patiala", "type"),
        ("patiala suit", "type"),
        ("muslin", "material"),
        ("ethnic", "style"),
        ("multicolor", "color"),
        ("women", "audience"),
        ("fall", "other"),
    ]


def test_the_more_specific_type_wins() -> None:
    assert terms(enrich("Lotto Men Black Shoes", articleType="Casual Shoes"), "type") == [
        "casual shoe"
    ]
    assert terms(enrich("Men Polo Shirt", articleType="Shirts"), "type") == ["polo shirt"]
    shelved = "['Home & Kitchen', 'Furniture', 'End Tables']"
    assert terms(enrich("Tucson Stand, Charcoal", categories=shelved), "type") == ["side table"]


def test_a_part_of_a_sofa_is_no_sofa() -> None:
    answer = enrich("Sofa Latch, Couch Hardware", categories=["Furniture", "Sofa Parts"])
    assert terms(answer, "type") == ["sofa part"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"brand": "Orange Peel", "price": "12.99", "asin": "B0C1MRB2M8"},
        {"date_first_available": "April 6, 2023", "url": "https://shop.example/red/sofa"},
        {"package_dimensions": '36"L x 24"W', "upc": "810140367761"},
        {"description": "Our red velvet sofa is loved in every living room of the country"},
        {"color": "A5589", "material": "Multiple Base Materials", "style": "No"},
        {"color": None, "material": 7, "style": [], "categories": "[broken", "size": {"a": 1}},
    ],
)
def test_what_is_never_a_keyword(attributes: dict[str, object]) -> None:
    assert terms(enrich("Plain Desk", **attributes)) == terms(enrich("Plain Desk"))


def test_a_brand_is_no_colour() -> None:
    assert terms(enrich("Red Tape Men Brown Shoes"), "color") == ["brown"]
    assert terms(enrich("Allied Brass Towel Ring", brand="Allied Brass"), "material") == []
    assert terms(enrich("Allied Brass Towel Ring", brand=["Allied Brass"]), "material") == []
    drill = enrich("Black & Decker Cordless Drill, Black", brand="Black & Decker", maker="No")
    assert terms(drill) == ["drill", "black", "cordless"]


def test_text_is_trusted_before_pixels(red_picture: Picture) -> None:
    named = enrich("Blue Sofa", red_picture)
    assert terms(named, "color") == ["blue"]
    silent = enrich("Sofa", red_picture)
    assert terms(silent, "color") == ["red"]
    assert silent.caption == "Red sofa."
    assert silent.description == "This is a red sofa."


def test_the_text_fills_what_title_and_attributes_leave_open(red_picture: Picture) -> None:
    text = (
        "Made of solid oak. Fits red walls, with brass feet. Foldable. Goes with our glass lamps."
    )
    said = VISION.enrich(Subject("Bench Ghent", {}, None, text))
    assert terms(said, "type") == ["bench"]
    assert "solid wood" not in terms(said, "color")
    assert terms(said, "material")[0] in ("oak", "oak wood", "solid oak")
    assert "foldable" in terms(said, "feature")
    assert terms(VISION.enrich(Subject("Steel bench", {}, None, text)), "material") == ["steel"]
    pictured = VISION.enrich(Subject("Bench", {}, red_picture, "A green bench."))
    assert terms(pictured, "color") == ["red"]
    assert terms(VISION.enrich(Subject("Ghent", {}, None, "A green bench.")), "type") == ["bench"]


def test_a_description_has_no_words_about_itself() -> None:
    assert enrich("Zanzibar").description == "Zanzibar"
    crowded = enrich("Oak bench, foldable, 3-tier, with hooks, for living room")
    assert not re.search(r"composed|noted|listed|title|recogni", crowded.description, re.I)


@pytest.mark.parametrize(
    ("title", "attributes", "caption"),
    [
        (
            "Mark Taylor Men Striped Blue Shirt",
            {"usage": "Formal", "articleType": "Shirts"},
            "Blue striped men's shirt for formal wear.",
        ),
        (
            "subrtex Dining Chairs Set of 2, Black",
            {"material": "Leather"},
            "Set of 2 black leather dining chairs.",
        ),
        ("Gold Earrings for Women", {}, "Gold women's earrings."),
        (
            "Foldable Wood Desk with Charging Station for Bedroom",
            {},
            "Foldable wooden desk with a charging station for the bedroom.",
        ),
        ("Desk with gold legs, white", {}, "White desk."),
        ("USB Hub, 4 ports", {}, "USB hub."),
        ("Womens Footwear Black", {"category": "Footwear"}, "Black footwear."),
    ],
)
def test_captions(title: str, attributes: dict[str, object], caption: str) -> None:
    assert enrich(title, **attributes).caption == caption


@pytest.mark.parametrize(
    ("title", "start"),
    [
        ("Earrings", "These are earrings."),
        ("Orange Sofa", "This is an orange sofa."),
        ("Unisex Casual Shoe", "These are unisex casual shoes."),
        ("8-Drawer Dresser", "This is an 8-drawer dresser."),
        ("Upholstered Bench", "This is an upholstered bench."),
        ("Wall Art", "This is wall art."),
        ("USB Hub", "This is a USB hub."),
    ],
)
def test_descriptions_have_the_right_article(title: str, start: str) -> None:
    assert enrich(title).description.startswith(start)


def test_unknown_words_give_the_title_and_no_words_an_error() -> None:
    answer = enrich("Kipsta F300 Fg Sr Ah09")
    assert answer.terms == ()
    assert answer.caption == "Kipsta F300 Fg Sr Ah09"
    with pytest.raises(ItemError, match="no title"):
        enrich("  ")


def test_at_most_twelve_terms_and_the_same_every_time() -> None:
    crowded = (
        "Large Tall Modern Rustic Industrial Black White Red Foldable Adjustable Portable Swivel "
        "Waterproof Oak Steel Glass Desk with drawers, Set of 2, Nightstand, Sofa, for Bedroom"
    )
    answer = enrich(crowded)
    assert len(answer.terms) == 12
    assert answer == enrich(crowded)


def check_wording(title: str, answer: Enrichment) -> None:
    assert answer.caption[0].isupper() or not answer.caption[0].isalpha(), title
    assert answer.caption.endswith("."), title
    words = re.findall(r"[\w'-]+", answer.caption.lower())
    assert 1 <= len(words) <= 20, title
    repeated = [w for w in words if words.count(w) > 1 and w not in SMALL_WORDS]
    assert repeated == [], answer.caption
    sentences = answer.description.count(". ") + 1
    assert 1 <= sentences <= 4, answer.description
    assert not re.search(r"\ba [aeio]|\ban [^aeio18u]|\s\s|\bnan\b", answer.description, re.I), (
        answer.description
    )
    names = terms(answer)
    assert len(names) == len(set(names)) <= 12
    assert all(t.facet in FACETS and t.term == t.term.lower().strip() for t in answer.terms)


def rows_of(path: Path, title: str) -> Iterator[tuple[str, dict[str, object]]]:
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row[title], {name: value for name, value in row.items() if name != title}


@pytest.mark.data
def test_the_fashion_catalogue(shared_data: Path) -> None:
    folder = shared_data / "fashion"
    right = alone = total = 0
    for title, attributes in rows_of(folder / "styles.csv", "productDisplayName"):
        answer = enrich(title, **attributes)
        check_wording(title, answer)
        assert len(answer.terms) >= 3, title
        total += 1
        wanted = lexicon.lookup(str(attributes["articleType"]))
        kind = wanted.canonical if wanted else str(attributes["articleType"]).lower()
        kinds = terms(answer, "type")
        right += any(name.endswith(kind) for name in kinds)
        bare = terms(VISION.enrich(Subject(title)), "type")[:1]
        alone += any(kind.endswith(name) or name.endswith(kind) for name in bare)
    assert right / total > 0.97
    assert alone / total > 0.85


@pytest.mark.data
def test_the_furniture_catalogue(shared_data: Path) -> None:
    counts = []
    path = shared_data / "furniture" / "amazon_furniture_dataset.csv"
    for title, attributes in rows_of(path, "title"):
        answer = enrich(title, **attributes)
        check_wording(title, answer)
        counts.append(len(answer.terms))
        brand = str(attributes["brand"]).lower()
        assert not brand or brand not in terms(answer), title
        assert not any(re.search(r"b0\w{8}|https?:|\$", term) for term in terms(answer))
    assert sum(count >= 3 for count in counts) / len(counts) > 0.99

"""How the page words what it is given."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import Any

import pytest

from vitrina.search.reading import Reading, corrected
from vitrina.web.filters import change, money, price, sentence, shown
from vitrina.web.how import shell, sql_text
from vitrina.web.sidebar import chips
from vitrina.web.state import State
from vitrina.web.swatches import swatch

EMPTY = Reading(**{each.name: [] for each in dataclasses.fields(Reading)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "arguments", "said"),
    [
        ("merge", {"terms": ["couch", "settee"], "into": "sofa"},
         "Merged <strong>couch, settee</strong> into <strong>sofa</strong>"),
        ("merge", {"terms": ["a", "b", "c", "d"], "into": "e"},
         "Merged <strong>a, b, c and 1 more</strong> into <strong>e</strong>"),
        ("drop", {"term": "<b>"}, "Dropped <strong>&lt;b&gt;</strong>"),
        ("undo", {"change": 7, "action": "merge"}, "Undid change <strong>7</strong>"),
        ("rebuild", {"scope": None}, "Rebuild "),
        ("judge", {"pairs": [{"a": "x", "b": "y"}]}, "Judge "),
        ("merge", None, "Merge "),
    ],
)  # fmt: skip
def test_a_change_is_a_sentence(action: str, arguments: dict[str, Any] | None, said: str) -> None:
    assert str(change(action, arguments)) == said


def test_a_reason_is_a_sentence_but_a_name_stays_as_it_is() -> None:
    assert sentence("there is no page /x") == "There is no page /x."
    assert sentence("which is top or empty") == "which is top or empty."
    assert sentence("a.mode is text") == "a.mode is text."
    assert sentence("Busy!") == "Busy!"


def test_money_has_places_where_it_is_little() -> None:
    assert [money(each) for each in (None, 0, 0.0021, 1234.5)] == ["", "0.00 USD", "0.0021 USD", "1,234.50 USD"]  # fmt: skip


def test_values_are_read_out() -> None:
    assert shown([{"width": 1.50}, True, None, "x"]) == "width: 1.5, yes, , x"


def test_a_query_is_corrected_word_by_word() -> None:
    read = dataclasses.replace(EMPTY, said=["gery", "couvh"], corrected=["grey", "couch"])
    assert corrected("Gery velvet couvh", read) == "grey velvet couch"
    assert corrected("geryish", read) == "geryish"
    assert corrected("sofa", None) == "sofa"


@pytest.mark.parametrize(
    "text",
    ["it's", "a\\b 'c'", "x\x15touch 'p'\\n\n", "\x1b[201~;id\n", "\u202e🪑\u200d\x9b é", "\t!"],
)
def test_what_is_copied_is_typed_text_to_no_terminal(text: str) -> None:
    """Pasted, a ^U would erase the quote before it, and the rest would be a command."""
    typed = shell("printf", "%s", text)
    assert typed.isprintable()
    assert sql_text(text).isprintable()
    run = subprocess.run(["bash", "-c", typed], capture_output=True, check=True)
    assert run.stdout.decode() == text


def test_a_chip_says_what_of_and_which() -> None:
    [color, price] = chips(State.of("k.color=light+blue&price=1500..20000"))
    assert (color.kind, color.value, color.label) == ("color", "light blue", "color light blue")
    assert color.swatch == swatch("light blue") != swatch("blue")
    assert price.label == "price from 1,500 to 20,000"
    assert swatch("navy blue") != swatch("black")
    assert swatch("multicolor") is None


def test_a_price_has_its_currency() -> None:
    assert price({"price": 24.99, "currency": "EUR"}) == "24.99 EUR"
    assert price({"price": 24.99, "currency": "$"}) == "$24.99"
    assert price({"price": 5, "price_max": 1200, "currency": "$"}) == "$5 to 1,200"

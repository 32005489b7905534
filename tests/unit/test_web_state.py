"""The state of a search and its address are one and the same."""

from __future__ import annotations

import random

import pytest

from vitrina.errors import InputError
from vitrina.pictures.part import Box
from vitrina.web.security import local_path
from vitrina.web.state import State

WORDS = [
    "grey sofa",
    "a&b=c",
    "100 %",
    "käse+brot",
    '"a phrase" -x',
    "<b>",
    "#?/",
    "'; drop",
    "日本",
]


def drawn(rng: random.Random) -> State:
    def some() -> tuple[str, ...]:
        return tuple(sorted(rng.sample(WORDS, rng.randint(1, 3))))

    picture = rng.choice(["", "p:17", "s:0123456789abcdef", "u:https://shop.example/a%20b?c=d&e"])
    return State(
        query=rng.choice(["", *WORDS]),
        keywords={facet: some() for facet in sorted(rng.sample(["type", "color", "size"], 2))},
        without=some() if rng.random() < 0.5 else (),
        attributes={name: some() for name in sorted(rng.sample(WORDS, rng.randint(0, 2)))},
        price=rng.choice([(None, None), (1.5, None), (None, 20.0), (0.0, 1e6)]),
        sources=some() if rng.random() < 0.3 else (),
        liked=tuple(sorted(rng.sample(range(100), rng.randint(0, 3)))),
        picture=picture,
        box=rng.choice([None, Box(0.25, 0, 0.5, 1), Box(0.1, 0.2, 0.3, 0.4)]) if picture else None,
        sort=rng.choice(["relevance", "-price"]),
        view=rng.choice(["grid", "list"]),
        mode=rng.choice(["hybrid", "text"]),
        page=rng.randint(1, 3),
        n=rng.choice([48, 7]),
    )  # fmt: skip


def test_an_address_gives_the_state_it_was_made_of() -> None:
    rng = random.Random(2)  # noqa: S311
    for _ in range(200):
        state = drawn(rng)
        again = State.of(state.query_string)
        assert again == state
        assert again.query_string == state.query_string
    assert State.of("") == State()
    assert State().address() == "/"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("pic=p:17&box=0,0,2,1", "x and y from 0, w and h at least 0.02"),
        ("pic=p:17&box.x=0.5&box.y=0&box.w=0.6&box.h=1", r"x \+ w and y \+ h at most 1"),
        ("box=0,0,0.5,0.5", "give pic too"),
        ("colour=red", "colour"),
        ("k.colour=red", "colour"),
        ("page=0", "page"),
        ("page=1e3", "page"),
        ("n=999", "n is"),
        ("mode=magic", "hybrid or vector or text"),
        ("like=a", "like"),
        ("pic=file:///etc/passwd", "pic"),
        ("pic=u:ftp://x", "pic"),
        ("price=1", "price"),
        ("price=b..a", "price"),
        ("q=" + "x" * 513, "513"),
    ],
)
def test_a_wrong_address_is_explained(address: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        State.of(address)


def test_the_fields_of_a_form_become_a_short_address() -> None:
    state = State.of(
        "q=&sort=relevance&group=&price.from=&price.to=50&view=grid&k.color=red&k.color="
    )
    assert state.query_string == "k.color=red&price=..50"


def test_a_choice_is_taken_back_by_the_same_click() -> None:
    state = State(query="sofa", page=3).toggled("keyword", "color", "red")
    assert (state.keywords, state.page) == ({"color": ("red",)}, 1)
    assert state.toggled("keyword", "color", "red") == State(query="sofa")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert local_path(wanted) == "/"
    assert local_path("/?q=sofa&k.color=red") == "/?q=sofa&k.color=red"


def test_the_numbers_of_a_box_are_its_address() -> None:
    fields = "box.x=0.25&box.y=0&box.w=0.5&box.h=1"
    assert State.of(f"pic=p:17&{fields}").query_string == "box=0.25,0,0.5,1&pic=p:17"
    assert State.of("pic=p:17&box.x=0&box.y=0&box.w=1&box.h=1") == State(picture="p:17")
    assert State.of("pic=p:17&box=0,0,0.5,1").address(picture="") == "/"

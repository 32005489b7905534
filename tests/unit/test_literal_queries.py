"""`vitrina search --exact`: each word of a query as it is typed."""

import pytest

from vitrina.search.reading import literal


@pytest.mark.parametrize(
    ("query", "quoted"),
    [
        ("couvh", '"couvh"'),
        ("grey couvh", '"grey" "couvh"'),
        ('"corner sofa" couvh', '"corner sofa" "couvh"'),
        ('couvh -leather -"dark red"', '"couvh" -leather -"dark red"'),
        ('open "quote', '"open" "quote"'),
        ("", ""),
    ],
)
def test_each_word_is_in_quotes(query: str, quoted: str) -> None:
    assert literal(query) == quoted

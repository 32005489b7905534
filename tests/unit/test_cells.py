"""files/cells.py: what stands in a cell: stock, yes and no."""

from __future__ import annotations

import pytest

from vitrina.files.cells import in_stock


@pytest.mark.parametrize(
    "text",
    [
        "Out of stock", "https://schema.org/OutOfStock", "Not in stock", "No stock", "no longer available",
        "not currently in stock", "0 in stock", "0 pcs", "0,00", "0 left", "SoldOut", "pre-order",
        "nicht auf Lager", "derzeit nicht verfügbar", "nicht vorrätig", "kein Lagerbestand", "vergriffen",
        "Pas en stock", "Hors stock", "Rupture de stock", "Non disponible", "Indisponible",
        "Plus disponible", "No disponible", "Sin stock", "Sin existencias", "Fuera de stock",
        "Agotado", "No hay existencias", "Não disponível", "Indisponível", "Sem estoque", "Fora de estoque",
        "Non in stock", "Non disponibile", "Nessuna disponibilità", "Esaurito", "Niet op voorraad",
        "Geen voorraad", "Nie na stanie", "Niedostępny", "Brak w magazynie", "在庫切れ", "在庫なし",
    ],
)  # fmt: skip
def test_words_for_out_of_stock(text: str) -> None:
    assert in_stock(text) is False
    assert in_stock(text.upper()) is False


@pytest.mark.parametrize(
    "text",
    [
        "In stock", "in_stock", "https://schema.org/InStock", "Only 3 left", "3 pcs", ">100", "> 5", "100+",
        "12,0", "ca. 20 Stück", "noch 2 verfügbar", "5 in stock", "auf Lager", "lagernd", "sofort lieferbar",
        "En stock", "Plus de 10 disponibles", "Disponible", "Disponibile", "En existencias",
        "Em estoque", "Disponível", "Op voorraad", "Na stanie", "Dostępny", "在庫あり", "low stock",
        "24 Stück, Lieferung frei", "available in 2-3 days",
    ],
)  # fmt: skip
def test_words_for_in_stock(text: str) -> None:
    assert in_stock(text) is True


@pytest.mark.parametrize(
    "text", ["", "n/a", "nan", "NULL", "-", "2-3 Tage", "1 week", "ask us", "A"]
)
def test_other_words_say_nothing_of_the_stock(text: str) -> None:
    assert in_stock(text) is None

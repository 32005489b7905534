"""Numbers and prices as shops write them; a doubtful mark is decided by the whole column."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from vitrina.files.names import words

_MINUS = re.compile(r"\s*[-−]\s*[.,]?\d")
_GROUPED = re.compile(
    r"(?<![\w.,])[.,]\d+(?![.,\d])"  # .99
    r"|\d{1,3}(?:[ '’\u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*"
)
# numbers that need no second look: 12, 12.5, 12.50; with at most a sign or code of currency
EASY = re.compile(r"-?(?:0|[1-9]\d{0,8})(\.\d{1,2})?")
_EASY_PRICE = re.compile(
    r"([$€£¥])?((?:0|[1-9]\d{0,8})(?:\.\d{1,2})?)(?:\s?(?:([A-Z]{3})|([€£])))?"
)
_NUMBER = re.compile(
    r"[-−]?(?:[.,]\d+|\d{1,3}(?:[ '’\u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
)
_DIGITS_MAX = 15
_DASHED = re.compile(r"(?<=\d)[.,]\s?[-–—]{1,2}")  # 49,- and 1'299.-
_JOINED = re.compile(
    r"\s*(?:[-–—~〜]|to|bis|à|au|a|al|hasta|tot|do|até|ate|から)\s*", re.IGNORECASE
)
_WORDS_AROUND = 6  # "ab", "inkl. MwSt.", "per piece"
_SIGNS = {
    "R$": "BRL", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "NT$": "TWD", "MX$": "MXN", "$": "$",
    "€": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "₺": "TRY",
    "₴": "UAH", "₽": "RUB", "₩": "KRW", "₪": "ILS", "฿": "THB", "₫": "VND",
}  # fmt: skip
DOLLARS = "$"  # of which country, the sign alone does not say
_WORDS = {
    "zł": "PLN", "zl": "PLN", "Kč": "CZK", "Kc": "CZK", "kr": None, "Ft": "HUF", "lei": "RON",
    "лв": "BGN", "руб": "RUB", "грн": "UAH", "Rs": None, "TL": "TRY", "Fr": "CHF", "SFr": "CHF",
    "Euro": "EUR", "Euros": "EUR", "euro": "EUR", "euros": "EUR", "EURO": "EUR", "yen": "JPY",
    "dollar": None, "dollars": None, "Dollar": None,
}  # fmt: skip
_CODES = words(
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK"
    " JPY KRW KZT MAD MXN MYR NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY"
    " TWD UAH USD UYU VND ZAR"
)
_CURRENCY = re.compile(
    "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
    + r"|(?<![^\W\d_])(?:"
    + "|".join(sorted([*_WORDS, *_CODES, *map(str.lower, _CODES)], key=len, reverse=True))
    + r")(?![^\W\d_])\.?"
)


@dataclass(slots=True)
class Price:
    """A price, or the ends of a range of prices; `high` is None for a single price.

    `currency` is a code, or DOLLARS for that sign alone.
    """

    low: float
    high: float | None = None
    currency: str | None = None


def easy(text: str) -> tuple[bool, bool] | None:
    """Of a number or price that needs no second look: has it decimals, is it bare; else None."""
    found = EASY.fullmatch(text)
    if found is not None:
        return found[1] is not None, True
    found = _EASY_PRICE.fullmatch(text)
    if found is not None and (found[3] is None or found[3] in _CODES):
        return "." in found[2], False
    return None


def mark(text: str) -> str | None:
    """The decimal mark that a value shows: `.` or `,` for sure, `?.` or `?,` perhaps; else None.

    `1.299` may be 1299 or a little more than one: only the rest of the column tells.
    """
    if "." not in text and "," not in text and text.isascii():
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if dashed := _DASHED.search(text):
        return dashed[0][0]
    found = None
    for match in _GROUPED.finditer(text):
        said = _mark(match[0])
        if said in (".", ","):
            return said
        found = found or said
    return found


def _mark(token: str) -> str | None:
    points, commas = token.count("."), token.count(",")
    if points and commas:
        return "." if token.rfind(".") > token.rfind(",") else ","
    if points + commas == 0:
        return None
    one = "." if points else ","
    other = "," if points else "."
    if points + commas > 1:
        return other  # 1.234.567: it parts thousands
    whole, part = token.split(one)
    if len(part) != 3 or len(whole) > 3 or whole == "0" or not whole.isdigit():
        return one
    return f"?{one}"


def value_of(token: str, decimal: str = ".") -> float | None:
    """The number of digits and marks; `decimal` decides where they do not."""
    bare = re.sub(r"[ '’\u00a0\u202f\u2009]", "", token)
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        last = "." if bare.rfind(".") > bare.rfind(",") else ","
        if bare.count(last) > 1:
            return None
        bare = bare.replace("," if last == "." else ".", "").replace(",", ".")
    elif points + commas > 1:
        one = "." if points else ","
        groups = bare.split(one)
        even = all(len(group) == 3 for group in groups[1:])
        indian = len(groups[-1]) == 3 and all(len(group) == 2 for group in groups[1:-1])
        if not (even or indian) or not 1 <= len(groups[0]) <= 3:
            return None
        bare = "".join(groups)
    elif points + commas == 1:
        said = _mark(token)
        one = "." if points else ","
        is_decimal = said == one or (said == f"?{one}" and decimal == one)
        bare = bare.replace(one, "." if is_decimal else "")
    try:
        return float(bare)
    except ValueError:
        return None


def parse_number(text: str, decimal: str = ".") -> float | int | None:
    """A number that is nothing else: no unit, no leading zero as codes have them; else None."""
    text = text.strip()
    if easy := EASY.fullmatch(text):
        if easy[1] is None:
            return int(text)
        number = float(text)
        return int(number) if number.is_integer() else number
    if _NUMBER.fullmatch(text) is None:
        return None
    bare = text.lstrip("-−")
    digits = sum(char.isdigit() for char in bare)
    if digits > _DIGITS_MAX or (len(bare) > 1 and bare[0] == "0" and bare[1].isdigit()):
        return None
    value = value_of(bare, decimal)
    if value is None:
        return None
    value = value if bare == text else -value
    return int(value) if value.is_integer() else value


def parse_price(text: str, decimal: str = ".") -> Price | None:
    """The price in a text: "$1,299.00", "49,-", "ab 19,90 €", "10 - 20 zł"; else None."""
    if (easy := _EASY_PRICE.fullmatch(text)) and (easy[3] is None or easy[3] in _CODES):
        sign = easy[1] or easy[4]
        return Price(float(easy[2]), None, easy[3] or (_SIGNS[sign] if sign else None))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if len(text) > 100 or "%" in text or _MINUS.match(text):
        return None
    currency, text = _without_currency(text)
    text = _DASHED.sub(" ", text)
    found = [match for match in _GROUPED.finditer(text) if _alone(text, match)]
    values = [v for match in found if (v := value_of(match[0], decimal)) is not None]
    rest = _GROUPED.sub(" ", text)
    if not values or len(values) < len(found) or len(rest.split()) > _WORDS_AROUND:
        return None
    if len(values) > 1 and (
        len(values) > 2 or not _JOINED.fullmatch(text[found[0].end() : found[1].start()])
    ):
        return None
    low, high = min(values), max(values)
    return Price(low, high if high > low else None, currency)


def currency_of(text: str) -> str | None:
    """The code of the currency that a text names by sign, code or word; DOLLARS for that sign."""
    return _without_currency(text)[0]


def _without_currency(text: str) -> tuple[str | None, str]:
    """The currency of a price, and the price without it."""
    found = [match[0].rstrip(".") for match in _CURRENCY.finditer(text)]
    named = [_SIGNS.get(name) or _WORDS.get(name) or name.upper() for name in found]
    code = next((name for name in named if name in _CODES), None)
    if code is None and DOLLARS in named:
        code = DOLLARS
    return code, _CURRENCY.sub(" ", text) if found else text


def _alone(text: str, match: re.Match[str]) -> bool:
    """Whether a number stands apart from words, unlike in `m2`."""
    before = text[match.start() - 1 : match.start()] if match.start() else ""
    after = text[match.end() : match.end() + 1]
    return not (before.isalpha() or after.isalpha())

"""What to say about a file that was read, each with the option that mends it."""

from __future__ import annotations

from vitrina.files.reading import Reading, Tally
from vitrina.files.rows import RowFile
from vitrina.printing import counted


def of(
    file: RowFile, reading: Reading, tally: Tally, pictures: list[str], prices: list[str]
) -> list[str]:
    """Notices about a reading for a person; `pictures` and `prices` are columns that look so."""
    columns = reading.columns
    said = [*file.said]
    for what, count in tally.said.items():
        said.append(f"{what} in {counted(count, 'row')}" + _remedy(what))
    if tally.made_ids:
        if columns.get("external_id"):
            said.append(
                counted(tally.made_ids, "product has", "products have")
                + " no id: it is made from address, picture and title"
                + f" ({columns['external_id'][0]} is empty; --map external_id=COLUMN)"
            )
        else:
            said.append(
                "no column looks like an id: ids are made from address, picture and title, so"
                " a new title makes a new product (--map external_id=COLUMN)"
            )
    if tally.products and not tally.pictures:
        said.append(_no_picture(file, reading, pictures))
    elif tally.without_picture:
        said.append(f"{counted(tally.without_picture, 'product has', 'products have')} no picture")
    known = columns.get("price") or columns.get("sale_price")
    if prices and tally.products and not tally.priced and not known:
        former = columns.get("was_price", ())
        shown = ", ".join([name for name in prices if name not in former][:10] or prices[:10])
        said.append(f"no column is known as the price, but {shown} may be (--map price=COLUMN)")
    if tally.bad_price_count:
        shown = "; ".join(
            f"line {line}, {column}: {text!r}" for line, column, text in tally.bad_prices
        )
        more = tally.bad_price_count - len(tally.bad_prices)
        said.append(
            counted(tally.bad_price_count, "price is not a number", "prices are not numbers")
            + f": {shown}"
            + (f" and {more:,} more" if more else "")
        )
    return said


def _no_picture(file: RowFile, reading: Reading, pictures: list[str]) -> str:
    zipped = file.pictures
    if zipped is not None and not reading.columns.get("image") and not reading.image:
        return (
            f"{counted(len(zipped), 'picture is', 'pictures are')} in the zip, but no column"
            " is called like a picture (--map image=COLUMN, or --image '{id}.jpg')"
        )
    if reading.columns.get("image"):
        missing = f"no product has a picture: {reading.columns['image'][0]} is empty"
    else:
        missing = "no column is called like a picture"
    known = {*reading.columns.get("url", ()), *reading.columns.get("image", ())}
    others = [name for name in pictures if name not in known]
    if others:
        return (
            f"{missing}, but addresses of pictures stand in {', '.join(others[:10])}"
            f" (--map image={others[0]})"
        )
    if reading.columns.get("image"):
        return f"{missing} (--map image=COLUMN, or --image '{{id}}.jpg')"
    return "no column looks like a picture (--map image=COLUMN, or --image '{id}.jpg')"


def _remedy(what: str) -> str:
    if what.endswith("is empty"):
        return ": the next column of ids was taken"
    return ""

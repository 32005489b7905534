"""How versions read a file that kept no reading with its source."""

from __future__ import annotations

import re

from vitrina.files.reading import Reading
from vitrina.files.rows import RowFile

# The names that versions without a stored reading knew, best first.
_EARLIER = {
    "external_id": "externalid id sku asin productid itemid articleid articlenumber productcode"
    " itemcode code handle variantsku uniqid",
    "title": "title producttitle productdisplayname productname displayname itemname name",
    "image": "image imageurl imagelink primaryimage mainimage imagesrc picture pictureurl photo"
    " img imgurl thumbnail",
    "url": "url link producturl productlink permalink",
}


def earlier_reading(file: RowFile) -> Reading:
    """How versions read a file that kept no reading: four columns, each row a product."""
    by_name = {re.sub(r"[\s_-]", "", name).lower(): name for name in reversed(file.columns)}
    found: dict[str, list[str]] = {}
    for field_name, known in _EARLIER.items():
        column = next((by_name[word] for word in known.split() if word in by_name), None)
        if column is not None and [column] not in found.values():
            found[field_name] = [column]
    return Reading("plain", found, earlier=True)

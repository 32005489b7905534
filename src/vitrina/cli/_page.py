"""A page of search results with their pictures: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from vitrina.search.hits import Hit

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --dim: light-dark(#667, #99a) }
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .7rem }
p.lead, small { color: var(--dim) }
h2 img { height: 4.5rem; vertical-align: middle; border-radius: .4rem; margin-right: .6rem }
ol { list-style: none; padding: 0; display: grid; gap: 1rem;
     grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)) }
li { border: 1px solid var(--line); border-radius: .6rem; overflow: hidden;
     display: flex; flex-direction: column }
li img, li .none { width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff }
li .none { display: grid; place-items: center; color: #667 }
li div { padding: .6rem .7rem } li b { display: block; font-size: .92rem }
small { display: block; font-size: .78rem; margin-top: .25rem }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One search: its heading, the query picture (WebP) if any, and its hits."""

    heading: str
    hits: Sequence[Hit]
    picture: bytes | None = None


def render(
    title: str, lead: str, sections: Sequence[Section], thumbnails: Mapping[int, bytes]
) -> str:
    """The page. `thumbnails` are WebP pictures by product id."""
    body = "\n".join(_section(section, thumbnails) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n"
        f'<p class="lead">{escape(lead)}</p>\n{body}\n</html>\n'
    )


def _image(data: bytes, alt: str) -> str:
    encoded = base64.b64encode(data).decode()
    return f'<img src="data:image/webp;base64,{encoded}" alt="{escape(alt)}">'


def _section(section: Section, thumbnails: Mapping[int, bytes]) -> str:
    picture = _image(section.picture, "the query") if section.picture else ""
    items = "\n".join(_item(hit, thumbnails.get(hit.product_id)) for hit in section.hits)
    return (
        f"<section><h2>{picture}{escape(section.heading)}</h2>\n"
        f"<ol>\n{items or '<li><div>nothing found</div></li>'}\n</ol></section>"
    )


def _item(hit: Hit, thumbnail: bytes | None) -> str:
    picture = _image(thumbnail, hit.title) if thumbnail else '<span class="none">no picture</span>'
    similarity = f"cosine {hit.similarity:.2f}" if hit.similarity is not None else "by words"
    return (
        f"<li>{picture}<div><b>{escape(hit.title)}</b>"
        f"<small>{escape(', '.join(hit.keywords[:6]))}</small>"
        f"<small>score {hit.score:.2f}, {similarity}, {escape(' + '.join(hit.matched))}</small>"
        "</div></li>"
    )

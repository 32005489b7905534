"""What may leave the house in a trace: no keys, no passwords, no pictures, nothing endless."""

from __future__ import annotations

import hashlib
import math
import re
from array import array
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from decimal import Decimal

__all__ = ["is_sensitive", "redact", "shown_address", "without_pictures"]

LONGEST = 4_000  # characters of one text
MOST = 100  # items of one list
DEEPEST = 8  # lists and objects within each other
HIDDEN = "<redacted>"

_SENSITIVE = re.compile(
    r"(?:api|access|secret|private|signing)[-_ ]?key|authorization|auth[-_]?headers?"
    r"|passw(?:or)?d|passphrase|secret|credential|cookie|(?:^|[-_.]|access|auth|api)token$",
    re.IGNORECASE,
)
_DATA_URL = re.compile(
    r"data:(?:image/[^,\s]{0,100}|[^,\s]{0,100};base64),"
    r"[\w+/=%.:;~-]*(?:\r?\n[\w+/=-]{40,})*(?:\r?\n[\w+/-]*={1,2})?",
    re.IGNORECASE,
)
_SIGNS = (  # as in the SQL function shown_address
    r"(?:[a-z0-9_.-]*(?:signature|token|credential|credentials|accesskeyid|expires|expiry|password"
    r"|passwd|secret|api[_-]?key)|sig|key|se|policy|key-pair-id|hmac|hdnts|jwt|auth)="
)
_SIGNED = re.compile(rf"([?&;#]{_SIGNS})[^&#;\s]+", re.IGNORECASE)
_USER_INFO = re.compile(r"\A(\s*(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,})[^/?#\\]*@", re.IGNORECASE)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ of an address
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/]+@", re.IGNORECASE), r"\1:***@"),
    # password=…, "api_key": …, of connection strings, JSON and repr
    (
        re.compile(
            r"((?:password|passwd|pwd|(?:api|secret|access|private)[-_]?key|client[-_]?secret|[-_]token)"
            r"[\"']?\s*[=:]\s*)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&,;\"'}]+)",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    # signatures of addresses that open a private store
    (
        re.compile(
            rf"([?&]{_SIGNS})[^&#\s\"']+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (
        re.compile(
            r"(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"',}]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(r"\b(Bearer|Basic)\s+(?=\S*\d)[\w.~+/-]{16,}=*"), r"\1 ***"),
    (re.compile(r"\b(?:sk|pk|rk)-[\w-]{16,}|\b(?:hf|wandb|gh[a-z])_\w{16,}|\bAKIA\w{16}"), "***"),
    (re.compile(r"[A-Za-z0-9+/_-]{256,}={0,2}"), "<base64>"),
)


def is_sensitive(name: str) -> bool:
    """Whether something of this name is a secret: api_key, Authorization, PGPASSWORD …"""
    return _SENSITIVE.search(name) is not None


def shown_address(address: str) -> str:
    """An address as it may be shown: no user name, no password, *** for what signs it."""
    return _SIGNED.sub(r"\1***", _USER_INFO.sub(r"\1", address))


def without_pictures(text: str) -> str:
    """The text with each data: URL replaced by a word about it."""
    if "data:" not in text and "DATA:" not in text:
        return text
    return _DATA_URL.sub(lambda match: f"<data URL, {len(match[0])} characters>", text)


def redact(value: object, secrets: Sequence[str] = ()) -> object:
    """A copy of `value`, fit for JSON and for other eyes.

    Secrets, known by their name or form or given in `secrets`, and pictures become placeholders;
    numbers in bulk (embeddings) become their count, and what is very long is cut.

    >>> redact({"api_key": "sk-1", "db": "postgresql://me:pw@db/shop"})
    {'api_key': '<redacted>', 'db': 'postgresql://me:***@db/shop'}
    """
    return _redact(value, [secret for secret in secrets if len(secret) >= 8], 0)


def _redact(value: object, secrets: Sequence[str], depth: int) -> object:  # noqa: PLR0911
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(said := getattr(value, "redacted", None), str):  # it says so itself
        return said
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(bytes(value))} bytes, sha256 {hashlib.sha256(value).hexdigest()[:12]}>"
    if depth >= DEEPEST:
        return "…"
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {
            _text(str(key), secrets): HIDDEN
            if is_sensitive(str(key)) and inner is not None
            else _redact(inner, secrets, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, array):
        return f"<{len(value)} numbers>"
    if isinstance(value, Sequence | Set):
        items = list(value)
        if len(items) > 16 and all(isinstance(item, int | float) for item in items):
            return f"<{len(items)} numbers>"
        shown = [_redact(item, secrets, depth + 1) for item in items[:MOST]]
        return shown + [f"… and {len(items) - MOST} more"] * (len(items) > MOST)
    return _text(str(value), secrets)


def _text(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    text = without_pictures(text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no JSON
    if len(text) > LONGEST:
        return f"{text[:LONGEST]}… ({len(text)} characters)"
    return text

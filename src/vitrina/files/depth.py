"""How deep JSON nests, while it comes in."""

from __future__ import annotations

from itertools import accumulate

MOST = 500  # ijson keeps the path of each level: of 100,000 levels those take 25 GB
_OTHERS = bytes(set(range(256)) - set(b'"[]{}'))
_STEPS = bytes(2 if sign in b"[{" else 0 if sign in b"]}" else 1 for sign in range(256))


class Depth:
    """Counts the brackets of JSON outside of its texts; its parts may be cut anywhere."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = False
        self._escape = b""  # a backslash at the end of a part

    def add(self, part: bytes) -> None:
        """Count a part in. Raises ValueError if it nests deeper than `MOST`."""
        if self._escape or b"\\" in part:
            part = (self._escape + part).replace(b"\\\\", b"").replace(b'\\"', b"")
            self._escape = b"\\" if part.endswith(b"\\") else b""
        # two quotes next to each other end what they begin, whichever they are
        texts = part.translate(None, _OTHERS).replace(b'""', b"").split(b'"')
        outside = b"".join(texts[self._in_text :: 2])
        self._in_text ^= len(texts) % 2 == 0
        opened = outside.count(b"[") + outside.count(b"{")
        if self._depth + opened > MOST:
            steps = (step - 1 for step in outside.translate(_STEPS))
            if max(accumulate(steps, initial=self._depth)) > MOST:
                raise ValueError(f"it nests more than {MOST} deep")
        self._depth += 2 * opened - len(outside)

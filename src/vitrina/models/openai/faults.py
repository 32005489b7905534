"""What went wrong with a call, and whose fault it is. Pure functions over status, headers and body.

A fault is the item's (this product cannot be answered for), the provider's (no product can, until
somebody changes a setting), passing (ask again later), or a parameter the server does not take.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vitrina.models.prompts import clean_line

__all__ = [
    "Fault",
    "Target",
    "classify",
    "classify_body",
    "duration",
    "rate_pause",
    "retry_after",
    "scrub",
]

Kind = Literal["passing", "throttled", "item", "picture", "provider", "parameter"]
LONGEST_WAIT = 300.0  # a server that asks for more than this is asked again another day

_PARAMETERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "response_format",
        re.compile(r"response_format|json_schema|json_object|structured.?output|grammar|guided"),
    ),
    ("max_tokens", re.compile(r"max_tokens|max_completion_tokens")),
    ("reasoning_effort", re.compile(r"reasoning[_.]effort")),
    ("temperature", re.compile(r"\btemperature\b")),
    ("dimensions", re.compile(r"dimensions|matryoshka")),
    ("encoding_format", re.compile(r"encoding_format|base64 encod")),
    ("system", re.compile(r"system.{0,20}(role|message|prompt)|roles? must alternate")),
)
_DETAIL = re.compile(r"image_url\W{1,6}detail|[`'\"]detail[`'\"]|\bextra.{0,60}\bdetail\b")
_CONTEXT = re.compile(
    r"context.?(length|window|size)|maximum (context|input|sequence)|too many tokens"
    r"|(prompt|input|message|request)s?\b.{0,30}\btoo (long|large)|max(imum)? .{0,20}tokens"
    r"|string_above_max_length|exceed.{0,30}tokens"
)
_NO_MODEL = re.compile(
    r"model_not_found|invalid_model|model\b.{0,80}(not found|does not exist|not exist|is not a "
    r"valid model|not available)|(unknown|invalid|no such|not a valid) model"
    r"|no models? (is )?loaded"
)
_BLIND = re.compile(
    r"not a multimodal|does not support (image|vision)|images are not supported"
    r"|(image input|vision) is not supported|image_url is only supported"
    r"|no endpoints found that support image|missing data required for image"
)
_PICTURE = re.compile(
    r"image_parse|invalid_image|image_(url|too|format|content)|(download|fetch|process|decode|load|"
    r"open|read|parse|unsupported|invalid|valid|corrupt)\w*\b.{0,40}\b(image|picture)"
    r"|\bimage.{0,40}(too large|too small|invalid|unsupported|corrupt|not supported|exceed|fail)"
)
_POLICY = re.compile(r"content_filter|content_policy|content management|safety|moderation|flagged")
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|billing_(hard|not)"
    r"|insufficient (balance|credit|funds)|account_deactivated|access_terminated|credit balance"
)
_KEYLIKE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key|AIza|hf|nvapi)[-_][\w*•.…-]{4,}|Bearer\s+[^\s,;]+"
)
_TRY_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ((?:[\d.]+(?:ms|s|m|h))+)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|us|µs|ns|h|m|s|d)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}


@dataclass(frozen=True, slots=True)
class Target:
    """Who was asked for what; `setting` is the variable that names the model."""

    host: str
    model: str
    setting: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed call. `reason` is short and equal for equal faults; `wait` is what was asked.

    `suspect`: nothing says what is wrong, so something that was asked for may be.
    """

    kind: Kind
    reason: str
    message: str
    wait: float | None = None
    parameter: str | None = None
    status: int | None = None
    suspect: bool = False


def classify(
    status: int, headers: Mapping[str, str], body: str, target: Target, now: float | None = None
) -> Fault:
    """The fault behind an HTTP answer of `status`, or behind an error in an answer of 200."""
    said, code = _said(scrub(body, target.secrets))
    shown = clean_line(said, 200)
    words = f"{code} {said}".lower()
    wait = retry_after(headers, now)
    if (fault := _of_provider(status, words, shown, target)) is not None:
        return fault
    if status == 429 or (status == 503 and wait is not None):
        if wait is None and (wait := rate_pause(headers)) is None:
            named = _TRY_AGAIN.search(words)
            wait = duration(named[1]) if named else None
        if wait is not None and wait > LONGEST_WAIT:
            return Fault(
                "provider",
                "rate limit",
                f"{target.host} asks to wait {wait / 60:.0f} minutes (rate limit): "
                "start again later, or ask for a higher limit",
                status=status,
            )
        return Fault("throttled", "rate limit", f"{target.host} is busy: {shown}", wait, None, 429)
    if status in (200, 408, 409, 425) or status >= 500:
        label = f"error {status}" if status != 200 else "an error instead of an answer"
        more = f": {shown}" if shown else ""
        message = f"{target.host} answered with {label}{more}"
        known = _POLICY.search(words) or _PICTURE.search(words) or _CONTEXT.search(words)
        suspect = status in (200, 500, 501) and not known
        return Fault("passing", label, message, wait, None, status, suspect)
    return _of_item(status, words, shown, target)


def classify_body(body: Mapping[str, Any], target: Target) -> Fault:
    """The fault behind a body with an `error` in it that came with status 200."""
    error = body.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code[:4])
    status = code if isinstance(code, int) and 400 <= code < 600 else 200
    return classify(status, {}, json.dumps(body), target)


def _of_provider(status: int, words: str, shown: str, target: Target) -> Fault | None:
    """The faults that only a changed setting will mend."""
    host, model, setting = target.host, target.model, target.setting
    request = status in (400, 404, 422)
    broke = _QUOTA.search(words) and "resource_exhausted" not in words  # that one is a rate limit
    cases: tuple[tuple[object, str, str], ...] = (
        (
            status == 402 or broke,
            "quota",
            f"the account at {host} has no credit left: top it up",
        ),
        (
            status in (401, 407) or "invalid_api_key" in words,
            "key",
            f"{host} does not accept the key: check OPENAI_API_KEY",
        ),
        (
            status == 403,
            "forbidden",
            f"{host} forbids the use of {model} with this key: check its rights",
        ),
        (
            request and _NO_MODEL.search(words),
            "model",
            f"{host} has no model {model}: set {setting} to one it has",
        ),
        (
            status in (404, 405, 410),
            "address",
            f"{host} has no such address: OPENAI_BASE_URL mostly ends in /v1",
        ),
        (
            (request or status == 500) and _BLIND.search(words),
            "no pictures",
            f"the model {model} takes no pictures: set {setting} to one that does",
        ),
    )
    for applies, reason, text in cases:
        if applies:
            tail = f" ({shown})" if shown else ""
            return Fault("provider", reason, text + tail, status=status)
    return None


def _of_item(status: int, words: str, shown: str, target: Target) -> Fault:
    """The faults of one request: something in it is not taken."""
    if _POLICY.search(words):
        message = f"the provider's content filter refused the request: {shown}"
        return Fault("item", "content filter", message, status=status)
    if status in (400, 422) and _DETAIL.search(words):
        message = f"{target.host} does not take the detail of pictures: {shown}"
        return Fault("parameter", "detail", message, None, "detail", status)
    if _PICTURE.search(words) or status == 415:
        message = f"{target.host} does not take the picture: {shown}"
        return Fault("picture", "picture", message, status=status)
    if status in (400, 422):
        for parameter, pattern in _PARAMETERS:
            if pattern.search(words) and not (
                parameter == "max_tokens" and _CONTEXT.search(words) and "unsupported" not in words
            ):
                message = f"{target.host} does not take {parameter} as sent: {shown}"
                return Fault("parameter", parameter, message, None, parameter, status)
    if _CONTEXT.search(words) or status == 413:
        message = f"too long for {target.model}: {shown}"
        return Fault("item", "too long", message, status=status)
    message = f"{target.host} refused the request ({status}): {shown or 'no reason given'}"
    return Fault("item", f"error {status}", message, status=status, suspect=True)


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without keys: those given, and whatever else looks like one."""
    for secret in secrets:
        if len(secret) >= 8:
            text = text.replace(secret, "[key]")
        elif secret:  # a short one may be part of a word
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "[key]", text)
    return _KEYLIKE.sub("[key]", text)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds the server asks to wait: milliseconds, seconds or a date; None where it does not."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if (value := headers.get(name)) is None:
            continue
        try:
            seconds = float(value) / divisor
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    if (value := headers.get("retry-after")) is None:
        return None
    try:
        at = email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, at - (time.time() if now is None else now))


def rate_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds until requests or tokens are there again, if the headers say that none are left."""
    pauses = [
        pause
        for kind in ("requests", "tokens")
        if (headers.get(f"x-ratelimit-remaining-{kind}") or "").strip() == "0"
        and (pause := duration(headers.get(f"x-ratelimit-reset-{kind}") or "")) is not None
    ]
    return max(pauses, default=None)


def duration(text: str) -> float | None:
    """Seconds in a duration such as `6m0s`, `20ms` or `1.5`; None where it is none."""
    text = text.strip().lower()
    try:
        seconds = float(text)
    except ValueError:
        parts = _DURATION.findall(text)
        if not parts or _DURATION.sub("", text).strip():
            return None
        return sum(float(number) * _UNITS.get(unit, 1e-9) for number, unit in parts)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _said(body: str) -> tuple[str, str]:
    """What an error body says, and its code, type and parameter: every server has its own form."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        if re.search(r"<(!doctype|html|head|body)\b", body[:2000], re.IGNORECASE):
            title = re.search(r"<title[^>]*>(.*?)</title>", body[:5000], re.IGNORECASE | re.DOTALL)
            return f"a web page{': ' + clean_line(title[1], 80) if title else ''}", ""
        return body[:1000], ""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Mapping):
        return str(value)[:1000], ""
    error = value.get("error") or value
    if not isinstance(error, Mapping):
        return str(error)[:1000], ""
    said = error.get("message") or error.get("detail") or error.get("error") or ""
    marks = (error.get("code"), error.get("type"), error.get("param"), error.get("status"))
    return str(said)[:1000], " ".join(str(mark) for mark in marks if mark)

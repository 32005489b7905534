"""Parts a model's answer from its thinking. Pure functions, linear in the length of the text.

Models that think mark it in a dozen ways, and servers strip a part of the marks. What stands in
thinking is a draft, however well it fits; the answer is what comes last outside of it.
"""

from __future__ import annotations

import json
import re

__all__ = ["begins", "said"]

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reason|reflection|reflect|analysis|scratchpad"
    "|rationale|inner_?monologue|chain_?of_?thought|cot|plan|deliberation|cot_budget_reflect"
)
_TAG = re.compile(
    rf"<(?P<shut>/?)(?:[a-z]{{2,12}}:)?(?P<name>{_NAMES})(?:\s[^<>]{{0,80}})?>"
    rf"|[\[◁](?P<shut2>/?)(?P<name2>think|thinking)[\]▷]"
    rf"|<[|｜](?P<edge>/|begin[_▁]of[_▁]|end[_▁]of[_▁]|start[_▁]|end[_▁])?(?P<name3>{_NAMES})[|｜]>"
    r"|(?P<open>(?:<unused94>|<\|channel>)(?:thought)?)|(?P<close><unused95>|<channel\|>)",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"<(?P<shut>/?)(?:final_?)?(?:answer|response|output)>", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|(?:start|channel)\|>")
_BARE = re.compile(r"assistant\s*(?:final|commentary)(?=\W|[A-Z]|json|\Z)")
_BARE_START = re.compile(r"\s*analysis(?=[A-Z]|\s*<\|message\|>)")
_ROLE = re.compile(r"\s*(final|analysis|commentary|assistant|user|system)(?=\W|[A-Z]|\Z)")
_CONSTRAINT = re.compile(r"\s*(?:<\|constrain\|>\s*)?(?:json|text)?\s*(?=[{\[\"])")
VALUES = 50  # looked at in one text: a value may take time in the length of all of it
_VALUE = re.compile(r"\s{0,20}(?:```(?:json)?\s{0,20})?[{\[](?=\s{0,20}[\"{\[])")
_CLOSED = re.compile(rf"(?:</(?:{_NAMES})>|[\[◁]/think[\]▷])[ \t]{{0,20}}\n", re.IGNORECASE)
_QUOTING = "\"'`“”„‘’«»"
_SPECIAL = re.compile(r"<[|｜][a-zA-Z0-9_▁]{1,40}[|｜]>|</?s>|<(?:end_of_turn|eos|bos)>")


def said(text: str) -> tuple[list[str], bool]:
    """The parts of `text` that are no thinking, in their order, and whether it ends in thinking.

    The last part is the answer where it fits. Empty parts are left out.
    """
    spoken, cut = _of_channels(text)
    found: list[str] = []
    for part in spoken:
        outside, cut_here = _of_tags(part)
        found += outside
        cut = cut or cut_here
    return [part for said in found if (part := _plain(said))], cut


def begins(text: str) -> bool:
    """Whether a text begins with a mark of thinking, or a line ends with one that closes it."""
    if "<" not in text and "[" not in text and "◁" not in text:
        return False
    return bool(_TAG.match(text.lstrip()) or _CHANNEL.match(text.lstrip()) or _CLOSED.search(text))


def _of_tags(text: str) -> tuple[list[str], bool]:
    """What stands outside of tags; a closing tag without an opening one ends thinking too."""
    found: list[str] = []
    inside: list[str] = []  # names of the tags that are open
    at = 0
    value_end, looked = _end_of_value(text, 0), 0
    for tag in _TAG.finditer(text):
        if tag.start() < value_end or (not inside and _is_quoted(text, tag)):
            continue
        name = tag["name"] or tag["name2"] or tag["name3"] or ""
        shut = bool(tag["shut"] or tag["shut2"] or tag["close"])
        shut = shut or (tag["edge"] or "").lower().startswith(("/", "end"))
        if not shut:
            if not inside:
                found.append(text[at : tag.start()])
            if name.lower() not in inside:
                inside.append(name.lower())
            continue
        if not inside:
            found.clear()  # all before it was thinking
        elif name.lower() in inside:
            del inside[inside.index(name.lower()) :]
        else:
            inside.clear()
        at = tag.end()
        if not inside and looked < VALUES:
            value_end, looked = _end_of_value(text, at), looked + 1
    if not inside:
        found.append(text[at:])
    return found, bool(inside)


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """Whether a tag outside of thinking is spoken of: in quotes, or with no more than a full stop
    after it.
    """
    before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
    if before and after and before in _QUOTING and after in _QUOTING:
        return True
    rest = text[tag.end() : tag.end() + 4].strip()
    return before == " " and rest in (".", "!", "?", '."', ".”", ".'")


def _end_of_value(text: str, at: int) -> int:
    """Where the JSON that begins at `at` ends; `at` where there is none. Tags in it are text."""
    begin = _VALUE.match(text, at)
    if begin is None:
        return at
    try:
        return json.JSONDecoder().raw_decode(text, begin.end() - 1)[1]
    except (ValueError, RecursionError):
        return at


def _of_channels(text: str) -> tuple[list[str], bool]:
    """What stands in the channel `final` of an answer in harmony's form, its tokens there or not.

    Without that channel, what is addressed to a tool; without channels all of it.
    """
    if bare := list(_BARE.finditer(text)):
        fresh = text[: bare[0].start()].lstrip()
        glued = "final" in bare[-1][0] and " " not in bare[-1][0] and "\n" not in bare[-1][0]
        if fresh.startswith("analysis") or glued:
            return [_unconstrained(text[bare[-1].end() :])], False
    chunks = _CHANNEL.split(text)
    if len(chunks) == 1 and "<|message|>" not in text:
        return ([], True) if _BARE_START.match(text) else ([text], False)
    finals: list[str] = []
    others: list[str] = []
    thought = False
    for chunk in chunks:
        head, mark, body = chunk.partition("<|message|>")
        channel = re.match(r"\s*([a-z]+)", head)
        name = channel[1] if channel else ""
        if not mark:  # the token was stripped, or there is nothing but a role
            named = _ROLE.match(head)
            name = named[1] if named else ""
            body = _unconstrained(head[named.end() :] if named else head)
        if name == "final":
            finals.append(body)
        elif name == "analysis" or (name == "commentary" and "to=" not in head):
            thought = True
        elif name not in ("user", "system") and body.strip():
            others.append(body)
    found = finals or others
    return found, thought and not found


def _unconstrained(text: str) -> str:
    """Without the name of a format in front of JSON."""
    constraint = _CONSTRAINT.match(text)
    return text[constraint.end() :] if constraint else text


def _plain(text: str) -> str:
    """Without a model's special tokens; of an answer in a tag of that name, what is in it."""
    tags = list(_ANSWER.finditer(text))
    opened = [tag for tag in tags if not tag["shut"]]
    if opened:
        start = opened[-1].end()
        shut = next((tag.start() for tag in tags if tag["shut"] and tag.start() >= start), None)
        text = text[start:shut]
    return _SPECIAL.sub(" ", text).replace("\ufeff", "").strip()

"""Computes again what a page shows, from the files alone: knows the places of data-from and nothing of the code that wrote them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from statistics import mean, median

import pandas as pd

STATISTICS = {"median": median, "mean": mean, "max": max, "sum": sum}
CALL = re.compile(r"^(?P<function>[a-z]+)\((?P<file>[^#()]+)#(?P<pointer>[^\[\]]*?)(?: \[(?P<where>[^\]]*)\])?\)$")


class Page(HTMLParser):
    """shown: (place, how it is written, text) of each value; bare: visible text outside of them; drawn text of pictures is neither."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown: list[tuple[str, str, str]] = []
        self.bare: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_startendtag(self, tag, attributes):
        """An element that is closed at once."""
        self.tags.append((tag, dict(attributes)))

    def handle_starttag(self, tag, attributes):
        """An element that others may stand in."""
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "br"):
            self._open.append(tag)
        if tag == "data":
            self.shown.append((dict(attributes)["data-from"], dict(attributes)["data-as"], ""))

    def handle_endtag(self, tag):
        """Its end."""
        while self._open and self._open.pop() != tag:
            continue

    def handle_data(self, data):
        """Text, by where it stands."""
        if self._open and self._open[-1] == "data":
            place, written, text = self.shown[-1]
            self.shown[-1] = (place, written, text + data)
        elif not {"svg", "style", "title", "head"} & set(self._open):
            self.bare.append(data)


def computed(folder: Path, place: str):
    """The value at a place."""
    if place.startswith("("):
        left, sign, right = _halves(place[1:-1])
        first, second = computed(folder, left), computed(folder, right)
        return first - second if sign == "-" else first / second
    call = CALL.match(place)
    if call is None:
        file, _, pointer = place.partition("#")
        return _at(json.loads((folder / file).read_text(encoding="utf-8")), pointer)
    return _called(folder, **call.groupdict())


def _called(folder, function, file, pointer, where):
    if function == "key":
        return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    wanted = dict(re.findall(r"(\w+)=(.+?)(?= \w+=| t[<>]|$)", where or ""))
    if file.startswith("samples/"):
        frame = pd.concat([pd.read_parquet(each) for each in sorted(folder.glob(file))])
        frame = frame[(frame["metric"] == wanted["metric"]) & (frame["treated"] == (wanted["treated"] == "true"))]
        bound = re.search(r"t(<|>=)(\S+)$", where)
        chosen = frame[frame["t"] < float(bound[2])] if bound[1] == "<" else frame[frame["t"] >= float(bound[2])]
        return STATISTICS[function](chosen[pointer].dropna().tolist())
    text = (folder / file).read_text(encoding="utf-8")
    document = [json.loads(line) for line in text.splitlines()] if file.endswith(".jsonl") else json.loads(text)
    if function == "start":
        return _at(document, pointer)[:10]
    found = _at(document, pointer.partition("/*")[0])
    if function == "count":
        return sum(all(str(each.get(key)).lower() == value.lower() for key, value in wanted.items()) if wanted else True for each in found)
    return STATISTICS[function]([each[pointer.rpartition("/")[2]] for each in found if each[pointer.rpartition("/")[2]] is not None])


def _at(document, pointer):
    for part in filter(None, pointer.split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _halves(text):
    """Both sides of the one sign that stands in no brackets."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0 and text[at : at + 3] in (" - ", " / "):
            return text[:at], text[at + 1], text[at + 3 :]
    raise AssertionError(text)


def agrees(value, written: str, text: str) -> bool:
    """Whether the text is that value, to the digits that it shows."""
    if written == "text":
        return text == str(value)
    if written in ("clock", "date"):
        return text == datetime.fromtimestamp(value, UTC).strftime("%H:%M:%S" if written == "clock" else "%Y-%m-%d")
    number = re.match(r"[+-]?[\d.]+(e[+-]?\d+)?", text.replace("\N{MINUS SIGN}", "-"))[0]
    unit = 60 if text.endswith("min") else 3600 if text.endswith("h") else 1
    scale = (100 if written in ("percent", "points", "limit", "share") else 1) / unit
    digits = len(number.partition("e")[0].partition(".")[2])
    room = 0.51 * 10.0**-digits * (10.0 ** int(number.partition("e")[2]) if "e" in number else 1)
    return abs(float(number) - scale * value) <= room or f"{scale * value:.4g}" == number or f"{scale * value:+.3g}" == number

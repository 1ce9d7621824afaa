"""The page: a template filled with style, scripts and data, and nothing from elsewhere.

The scripts are small modules that import each other by name. They are joined here, in the
order of their imports, each in a function of its own, so that no name leaves its file and
nothing is global. The page's policy allows this one script and this one style by their
hashes and forbids everything else: text of a user that found a way in would not run.

The scripts are a function of what is ``given``: the ``data``, and in a page that is drawn
again while a sweep runs (:mod:`analysis.report.served`) what the reader has done to it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
_ENTRY = "app"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\.\.?/(\w+)\.mjs";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_GIVEN = '{ data: JSON.parse(document.getElementById("data").textContent) }'


def page(data: Mapping[str, Any], *, title: str) -> str:
    """The whole page.

    Args:
        data: plain JSON values; they are read by the scripts and never run.
        title: of the window.
    """
    style, script = (ASSETS / "style.css").read_text(encoding="utf-8"), bundle()
    policy = (f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
              f"img-src data:; base-uri 'none'; form-action 'none'")  # fmt: skip
    answer = [f"{block['head']}: {' '.join(block['lines'])}" for block in data.get("answer", [])]
    filled = {
        "policy": html.escape(policy),
        "title": html.escape(title),
        "style": style,
        "answer": html.escape("\n".join(answer)),
        "data": as_script(data),
        "script": script,
    }
    return fill((ASSETS / "page.html").read_text(encoding="utf-8"), filled)


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled, in one pass: no value is filled in its turn."""
    return _PLACE.sub(lambda place: values[place[1]], template)


def as_script(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a ``<script>``: no tag, no entity and no line break in it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def bundle() -> str:
    """The scripts in one, drawn with the data of the page.

    Raises:
        ValueError: two modules import each other.
    """
    return f'"use strict";\n((given) => {{\n{joined(_ENTRY, ASSETS)}}})({_GIVEN});\n'


def joined(entry: str, *folders: Path, given: Mapping[str, str] | None = None) -> str:
    """A script and those that it imports, each a function that returns what it exports.

    Args:
        entry: name of the script.
        folders: where scripts lie; the first that has one of a name counts.
        given: scripts that are there already, by name.

    Raises:
        ValueError: two modules import each other.
    """
    done = dict(given or {})
    _add(entry, folders, done, ())
    return "".join(done.values())


def _add(
    name: str, folders: tuple[Path, ...], done: dict[str, str], above: tuple[str, ...]
) -> None:
    """Put a module after those that it imports."""
    if name in above:
        raise ValueError(f"modules import each other: {' > '.join([*above, name])}")
    if name in done:
        return
    path = next(place for folder in folders if (place := folder / f"{name}.mjs").is_file())
    source = path.read_text(encoding="utf-8")
    for names in _IMPORT.finditer(source):
        _add(names[2], folders, done, (*above, name))
    exported = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(r"const {\1} = $\2;", source))
    done[name] = f"const ${name} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

"""The page: a template filled with style, scripts and data, and nothing from elsewhere.

The scripts are small modules that import each other by name. They are joined here, in the
order of their imports, each in a function of its own, so that no name leaves its file and
nothing is global. The page's policy allows this one script and this one style by their
hashes and forbids everything else: text of a user that found a way in would not run.
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

_ASSETS = Path(__file__).parent / "assets"
_ENTRY = "app"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.mjs";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(data: Mapping[str, Any], *, title: str) -> str:
    """The whole page.

    Args:
        data: plain JSON values; they are read by the scripts and never run.
        title: of the window.
    """
    style, script = (_ASSETS / "style.css").read_text(encoding="utf-8"), bundle()
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
    template = (_ASSETS / "page.html").read_text(encoding="utf-8")
    # One pass: a value that looks like a place is not filled in its turn.
    return _PLACE.sub(lambda place: filled[place[1]], template)


def as_script(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a ``<script>``: no tag, no entity and no line break in it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def bundle() -> str:
    """The scripts in one: each module a function that returns what it exports.

    Raises:
        ValueError: two modules import each other.
    """
    done: dict[str, str] = {}
    _add(_ENTRY, done, ())
    return '"use strict";\n(() => {\n' + "".join(done.values()) + "})();\n"


def _add(name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    """Put a module after those that it imports."""
    if name in above:
        raise ValueError(f"modules import each other: {' > '.join([*above, name])}")
    if name in done:
        return
    source = (_ASSETS / f"{name}.mjs").read_text(encoding="utf-8")
    for names in _IMPORT.finditer(source):
        _add(names[2], done, (*above, name))
    exported = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(r"const {\1} = $\2;", source))
    done[name] = f"const ${name} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

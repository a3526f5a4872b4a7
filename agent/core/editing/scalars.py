"""How one text is written as a YAML scalar.

Plain only where every YAML reader, of version 1.1 or 1.2, takes it for text: `no` and `007` are text to this project's
reader, but not to the editors and tools that people open the same file with.
"""

from __future__ import annotations

import re

from agent.core.editing.lines import Splice, line_break, line_end
from agent.core.editing.nodes import Node
from agent.core.editing.refusal import CannotEdit
from agent.core.values import quoted

_PLAIN = re.compile(r"[\w/+(][^#:]*(?:(?:(?<! )#|:(?! ))[^#:]*)*(?<![: ])")
_FLOW_MARKS = re.compile(r"[\[\]{},?]")
_NOT_TEXT = re.compile(
    r"null|true|false|yes|no|on|off|y|n"
    r"|[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oO][0-7_]+|[-+]?0[bB][01_]+"
    r"|[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?",
    re.IGNORECASE,
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_HEADER = re.compile(r"([|>])([-+0-9]*)([^\n\r]*)")
_COLON = re.compile(r"\s*:")


def written(text: str, style: str = "", *, flow: bool = False, typed: bool = False, colon: bool = False) -> str:
    """The text in the quotes `style`, or plain for "", as far as it can be written so; else in double quotes.

    `typed` is for text behind a tag that makes it text. `colon` allows a plain colon inside brackets, which the fast
    parser stumbles over.
    """
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if not style and _is_plain(text, flow=flow, colon=colon) and (typed or not _NOT_TEXT.fullmatch(text)):
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _is_plain(text: str, *, flow: bool, colon: bool) -> bool:
    if not (text.isprintable() and _PLAIN.fullmatch(text)):
        return False
    return not flow or not (_FLOW_MARKS.search(text) or (":" in text and not colon))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def listed(texts: tuple[str, ...], style: str = "") -> str:
    """Texts as a list in brackets."""
    return f"[{', '.join(written(text, style, flow=True) for text in texts)}]"


def quotes(node: Node) -> str:
    """The quotes in which what stands beside a node is written."""
    return node.style if node.style in {"'", '"'} else ""


def text_splices(text: str, node: Node, new: str) -> list[Splice]:
    """Writes `new` where the scalar or alias `node` is."""
    if node.kind == "scalar" and node.style in {"|", ">"}:
        return [_block(text, node, new)]
    typed = node.tag is not None
    value = written(new, node.style, flow=node.inside, typed=typed, colon=":" in node.text)
    return [value_splice(text, node, value)]


def value_splice(text: str, node: Node, value: str) -> Splice:
    """Puts the finished `value` where a scalar of one line is, or where nothing is yet."""
    if not node.empty:
        return Splice(node.content, node.end, value)
    if node.key is None or node.start < node.end:
        return Splice(node.end, node.end, f" {value}")
    return _behind_key(text, node.key, node, value)


def _behind_key(text: str, key: Node, node: Node, value: str) -> Splice:
    colon = _COLON.match(text, key.end)
    if colon is not None:
        return Splice(colon.end(), colon.end(), f" {value}")
    if not node.inside:
        line = text.count("\n", 0, key.start) + 1
        raise CannotEdit(line, f"`:` behind the key {quoted(key.text)}", "none", "write the colon")
    return Splice(key.end, key.end, f": {value}")


def _block(text: str, node: Node, new: str) -> Splice:
    """Keeps a block scalar one where it can hold the text, without a line break at its end."""
    header = _HEADER.match(text, node.content)
    assert header is not None
    mark, flags, comment = header.groups()
    body = text[header.end() : node.end]
    end = line_end(text, header.end() + len(body.rstrip()))
    if not body.strip() or new != new.strip() or not new or not new.isprintable():
        return Splice(node.content, end, written(new, '"') + comment)
    if "-" not in flags:
        flags = flags.replace("+", "") + "-"
    content = body.lstrip("\n\r \t")
    first = header.end() + len(body) - len(content)
    indent = text[:first][len(text[:first].rstrip(" ")) :]
    return Splice(node.content, end, f"{mark}{flags}{comment}{line_break(text, header.end())}{indent}{new}")

"""Narrative.div: the XHTML of a narrative as text, as JSON holds it (FHIR R4, narrative.html).

The text always comes out in one spelling: the XHTML namespace as the only declaration, double quotes, characters in
place of entities, no comments. Text that is spelled so already stays as it is, to the letter.
"""

from __future__ import annotations

import re
from html.entities import html5
from xml.sax.saxutils import escape

from lxml import etree

XHTML = "http://www.w3.org/1999/xhtml"
MOST_LEVELS = 60
MOST_ATTRIBUTES = 50  # of one element: lxml takes the square of their number to list them
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def parser() -> etree.XMLParser:
    """A parser that loads nothing, expands nothing and keeps libxml2's own limits."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_pis=True, remove_comments=True, encoding="utf-8",
    )  # fmt: skip


def normal(text: str) -> str:
    """A narrative's text in its one spelling. ValueError, which shows nothing of it, when it is not a div of XHTML.

    Names of characters that HTML has and XML has not (``&nbsp;``) are understood, and a missing namespace is added.

    >>> normal("<div>a&nbsp;b<br></br></div>")
    '<div xmlns="http://www.w3.org/1999/xhtml">a\\xa0b<br/></div>'
    """
    if "<!DOCTYPE" in text:
        raise ValueError("it holds a DOCTYPE")
    try:
        root = etree.fromstring(_ENTITY.sub(_character, text).encode(), parser())
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        raise ValueError("it is not well-formed XML") from None
    return text_of(root)


def text_of(div: etree._Element) -> str:
    """The element ``div`` as text, without what follows it. ValueError when it is not a div of XHTML."""
    if etree.QName(div).localname != "div":
        raise ValueError("it is not a div element")
    parts: list[str] = []
    _write(parts, div, f' xmlns="{XHTML}"', MOST_LEVELS)
    return "".join(parts)


def _character(found: re.Match[str]) -> str:
    name = found.group(1)
    return found.group() if name in _XML_ENTITIES else html5.get(name, found.group())


def _write(parts: list[str], element: etree._Element, namespace: str, levels: int) -> None:
    if not isinstance(element.tag, str):  # a reference to an entity that nobody declared
        raise ValueError("it refers to an entity")
    if levels == 0:
        raise ValueError(f"its elements are nested deeper than {MOST_LEVELS} levels")
    if len(element.attrib) > MOST_ATTRIBUTES:
        raise ValueError(f"an element of it has more than {MOST_ATTRIBUTES} attributes")
    name = etree.QName(element)
    if name.namespace not in (None, XHTML):
        raise ValueError("it holds an element that is not XHTML")
    parts.append(f"<{name.localname}{namespace}")
    parts.extend(f" {_attribute(key)}={_quoted(value)}" for key, value in element.items())
    if element.text is None and len(element) == 0:
        parts.append("/>")
        return
    parts.append(">" + _escaped(element.text))
    for child in element:
        _write(parts, child, "", levels - 1)
        parts.append(_escaped(child.tail))
    parts.append(f"</{name.localname}>")


def _attribute(key: str | bytes) -> str:
    name = str(key)
    if name == _XML_LANG:
        return "xml:lang"
    if name.startswith("{"):
        raise ValueError("it holds an attribute that is not XHTML")
    return name


def _escaped(text: str | None) -> str:
    return escape(text or "", {"\r": "&#13;"})


def _quoted(value: str | bytes) -> str:
    return f'"{escape(str(value), _IN_QUOTES)}"'


_IN_QUOTES = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}

"""FHIR R4 XML: what it looks like, that nothing is lost on the way there and back, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from casebridge_fhir.r4 import table
from casebridge_fhir.xml import from_xml, to_xml
from casebridge_fhir.xml_writing import MOST_LEVELS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from r4_resources import resources

from casebridge.core.errors import RecordError
from casebridge.core.jsontext import dumps, loads

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
EXAMPLES = [  # JSON, XML
    (
        '{"resourceType":"Patient","active":true,"id":"p1","name":[{"given":["Ann","B"],"family":"O & <Co> \\"q\\""}]}',
        '<Patient><id value="p1"/><active value="true"/><name><family value="O &amp; &lt;Co&gt; &quot;q&quot;"/>'
        '<given value="Ann"/><given value="B"/></name></Patient>',
    ),
    (
        '{"resourceType":"Patient","birthDate":"1980","_birthDate":{"id":"b","extension":[{"id":"e","url":"urn:t",'
        '"valueDateTime":"1980-02"}]}}',
        '<Patient><birthDate id="b" value="1980"><extension id="e" url="urn:t"><valueDateTime value="1980-02"/>'
        "</extension></birthDate></Patient>",
    ),
    (
        '{"resourceType":"Patient","name":[{"given":["Ann",null,"C"],"_given":[null,{"id":"g"},{"id":"h"}]}]}',
        '<Patient><name><given value="Ann"/><given id="g"/><given id="h" value="C"/></name></Patient>',
    ),
    (
        '{"resourceType":"Patient","name":[{"id":"n","_family":{"extension":[{"url":"urn:x","valueCode":"u"}]}}]}',
        '<Patient><name id="n"><family><extension url="urn:x"><valueCode value="u"/></extension></family></name>'
        "</Patient>",
    ),
    (
        '{"resourceType":"Observation","status":"final","code":{"text":"a"},"valueQuantity":{"value":72.50},'
        '"component":[{"code":{"text":"b"},"valueInteger":-3},{"code":{"text":"c"},"valueQuantity":{"value":1e-7}}]}',
        '<Observation><status value="final"/><code><text value="a"/></code><valueQuantity><value value="72.50"/>'
        '</valueQuantity><component><code><text value="b"/></code><valueInteger value="-3"/></component><component>'
        '<code><text value="c"/></code><valueQuantity><value value="1e-7"/></valueQuantity></component></Observation>',
    ),
    (
        '{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"A\\tB\\nC"}]}',
        '<Patient><contained><Organization><id value="o"/><name value="A&#9;B&#10;C"/></Organization></contained>'
        "</Patient>",
    ),
    (
        f'{{"resourceType":"Patient","text":{{"status":"generated","div":"{DIV.replace(chr(34), chr(92) + chr(34))}'
        '<p>A &amp; B</p><br/></div>"}}',
        f'<Patient><text><status value="generated"/>{DIV}<p>A &amp; B</p><br/></div></text></Patient>',
    ),
    (
        '{"resourceType":"Bundle","type":"searchset","total":0,"link":[{"relation":"self","url":"u"}],"entry":[{'
        '"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]},'
        '"search":{"mode":"outcome"}}]}',
        '<Bundle><type value="searchset"/><total value="0"/><link><relation value="self"/><url value="u"/></link>'
        '<entry><resource><OperationOutcome><issue><severity value="error"/><code value="invalid"/></issue>'
        '</OperationOutcome></resource><search><mode value="outcome"/></search></entry></Bundle>',
    ),
    (
        '{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","valueBoolean":false}]}]}',
        '<Parameters><parameter><name value="a"/><part><name value="b"/><valueBoolean value="false"/></part>'
        "</parameter></Parameters>",
    ),
]  # fmt: skip


def xml(inner: str) -> bytes:
    """A document of ours: the namespace stands on the root."""
    name, rest = inner[1:].split(">", 1)
    closed = name.removesuffix("/")
    return HEAD + f'<{closed} xmlns="http://hl7.org/fhir"{name[len(closed) :]}>{rest}'.encode()


def patient(inner: str) -> bytes:
    return xml(f"<Patient>{inner}</Patient>")


@pytest.mark.parametrize(("as_json", "as_xml"), EXAMPLES)
def test_a_resource_is_written_in_the_order_of_the_specification_and_read_again(as_json: str, as_xml: str) -> None:
    resource = loads(as_json)
    assert to_xml(resource) == xml(as_xml)
    assert from_xml(xml(as_xml)) == resource


@given(resource=resources())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_is_lost_in_xml(resource: dict[str, Any]) -> None:
    again = from_xml(to_xml(resource))
    assert again == resource
    assert sorted(dumps(again)) == sorted(dumps(resource)), "a number has lost its spelling"


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_a_text_is_kept_to_the_letter_or_refused(text: str) -> None:
    resource = {"resourceType": "Patient", "language": text, "name": [{"text": text}]}
    if any(char < " " and char not in "\t\n\r" for char in text) or "\ufffe" in text or "\uffff" in text:
        with pytest.raises(RecordError, match="CB-301"):
            to_xml(resource)
    else:
        assert from_xml(to_xml(resource)) == resource


def test_the_examples_of_the_guide_pass_through_xml(examples: dict[str, Path]) -> None:
    for name, path in examples.items():
        resource = loads(path.read_bytes())
        assert dumps(_sorted(from_xml(to_xml(resource)))) == dumps(_sorted(resource)), name


def _sorted(value: Any) -> Any:
    """Members by name: they have an order in XML and none in JSON."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_another_library_reads_our_xml_as_it_reads_the_json(examples: dict[str, Path]) -> None:
    models = pytest.importorskip("fhir.resources.R4B")
    for name, path in examples.items():
        resource = loads(path.read_bytes())
        model = models.get_fhir_model_class(resource["resourceType"])
        assert model.model_validate_xml(to_xml(resource)) == model.model_validate_json(dumps(resource)), name


def test_the_order_is_that_of_the_structure_definitions(examples: dict[str, Path]) -> None:
    """Of a profile's snapshot: the elements of each type one after the other, slices and choices as their element."""
    seen = 0
    for file in sorted((next(iter(examples.values())).parents[1] / "profiles").glob("*.json")):
        said = loads(file.read_bytes())["snapshot"]["element"]
        places: dict[str, list[int]] = {}
        for one in said:
            parent, _, name = one["path"].rpartition(".")
            place = _place(parent, name.removesuffix("[x]")) if parent and ":" not in one["id"] else None
            if place is not None:
                places.setdefault(parent, []).append(place)
                seen += 1
        assert {parent: found for parent, found in places.items() if found != sorted(found)} == {}, file.name
    assert seen > 500


def _place(parent: str, name: str) -> int | None:
    """Where an element stands among those of the type that ``parent``, a path of a resource, holds."""
    type_, *steps = parent.split(".")
    for step in steps:
        row = table().get(type_, {}).get(step)
        if row is None:
            return None
        type_ = row.of
    return next((n for n, row in enumerate(table().get(type_, {}).values()) if name in (row.name, row.choice)), None)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("<div>a</div>", f"{DIV}a</div>"),
        (f"{DIV}a&nbsp;b &eacute; &amp; &#233;</div>", f"{DIV}a\xa0b é &amp; é</div>"),
        (f"{DIV}<br></br><img alt='x' src=\"#a\"/></div>", f'{DIV}<br/><img alt="x" src="#a"/></div>'),
        (f"{DIV}<!-- c -->a<![CDATA[<b>]]></div>", f"{DIV}a&lt;b&gt;</div>"),
        (f'{DIV}<p xml:lang="es" lang="es">a\r\nb</p>c</div>', f'{DIV}<p xml:lang="es" lang="es">a\nb</p>c</div>'),
        ('<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:b>a</h:b></h:div>', f"{DIV}<b>a</b></div>"),
    ],
)
def test_a_narrative_is_kept_in_one_spelling(written: str, kept: str) -> None:
    once = from_xml(to_xml({"resourceType": "Patient", "text": {"status": "generated", "div": written}}))
    assert once["text"]["div"] == kept
    assert from_xml(to_xml(once)) == once


@pytest.mark.parametrize(
    "document",
    [
        patient('<!-- c --><name>\n  <family value="A"/>\n</name><?pi x?>'),
        patient('<name><family value="A"/></name>').removeprefix(HEAD),
        b"\xef\xbb\xbf" + patient('<name><family value="A"/></name>'),
        b'<f:Patient xmlns:f="http://hl7.org/fhir"><f:name><f:family value="A"/></f:name></f:Patient>',
        b'<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:schemaLocation="http://hl7.org/fhir ../patient.xsd"><name><family value="A"/></name></Patient>',
    ],
)
def test_what_stands_around_the_elements_does_not_matter(document: bytes) -> None:
    assert from_xml(document) == {"resourceType": "Patient", "name": [{"family": "A"}]}


LAUGHS = b'<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' + b"".join(
    b'<!ENTITY %c "%b">' % (c, b"&%c;" % (c - 1) * 8) for c in range(ord("c"), ord("k"))
) + b"]>"  # fmt: skip
FILE = b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
MANY_ATTRIBUTES = " ".join(f"a{i}=''" for i in range(100_000))
DEEP = '<extension url="u">'


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (LAUGHS + patient('<id value="&j;"/>').removeprefix(HEAD), "CB-303"),
        (FILE + patient('<id value="&a;"/>').removeprefix(HEAD), "CB-303"),
        (FILE + patient(f"<text>{DIV}&a;</div></text>").removeprefix(HEAD), "CB-303"),
        (b'<!DOCTYPE p SYSTEM "http://127.0.0.1:9/p.dtd">' + patient("").removeprefix(HEAD), "CB-303"),
        (patient('<id value="&a;"/>'), "CB-303"),
        (patient(f"<text>{DIV}&nbsp;</div></text>"), "CB-303"),
        (patient(DEEP * 60 + "</extension>" * 60), "CB-303"),
        (patient(DEEP * 20_000 + "</extension>" * 20_000), "CB-303"),
        (patient(f"<text>{DIV}{'<b>' * 70}{'</b>' * 70}</div></text>"), "CB-301"),
        (patient("<id value='a'/>").replace(b"UTF-8", b"UTF-16").decode().encode("utf-16"), "CB-303"),
        (patient('<id value="\x00"/>'), "CB-303"),
        (patient('<id value="a"/>').replace(b'"a"', b'"\xff"'), "CB-303"),
        (b"", "CB-303"),
        (b'{"resourceType":"Patient"}', "CB-303"),
        (b"<Patient/>", "CB-303"),
        (b'<Patient xmlns="http://hl7.org/fhir"><active value="true"', "CB-303"),
        (xml("<Spaceship></Spaceship>"), "CB-303"),
        (xml("<HumanName></HumanName>"), "CB-303"),
        (patient("<born value='1980'/>"), "CB-301"),
        (patient("<birthDate/>"), "CB-301"),
        (patient("<birthDate>1980</birthDate>"), "CB-301"),
        (patient("<birthDate value='1980'/><birthDate value='1981'/>"), "CB-301"),
        (patient("<birthDate value='1980' when='now'/>"), "CB-301"),
        (patient("<name/>"), "CB-301"),
        (patient("<name><id value='n'/></name>"), "CB-301"),
        (patient("<active value='yes'/>"), "CB-301"),
        (patient("<multipleBirthInteger value='two'/>"), "CB-301"),
        (patient("<contained/>"), "CB-301"),
        (patient("<contained><Patient/><Patient/></contained>"), "CB-301"),
        (patient('<text><div>a</div></text>'), "CB-303"),
        (patient('<text><div xmlns="http://www.w3.org/1999/xhtml"><svg xmlns="urn:s"/></div></text>'), "CB-301"),
        (patient(f"<name {MANY_ATTRIBUTES}/>"), "CB-301"),
        (patient(f"<text>{DIV}<b {MANY_ATTRIBUTES}/></div></text>"), "CB-301"),
        (patient("".join(f"<link n{i}='1'/>" for i in range(9))), "CB-304"),
    ],
)  # fmt: skip
def test_a_hostile_or_wrong_document_is_refused_without_a_word_of_its_content(document: bytes, code: str) -> None:
    nodes = 4 if code == "CB-304" else 500_000
    with pytest.raises(RecordError) as refused:
        from_xml(document, max_nodes=nodes)
    assert refused.value.code == code
    assert "198" not in str(refused.value)
    assert "root:" not in str(refused.value)


def test_a_document_beyond_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(RecordError, match="CB-304"):
        from_xml(b"<" * 100, max_bytes=99)
    with pytest.raises(RecordError, match="CB-304"):
        from_xml(b"<a/>" * 100, max_nodes=40)


@pytest.mark.parametrize(
    "resource",
    [
        {}, {"resourceType": "Spaceship"}, {"resourceType": ["Patient"]}, {"resourceType": "HumanName"},
        {"resourceType": "Patient", "born": "1980"}, {"resourceType": "Patient", "birthDate": ["1980"]},
        {"resourceType": "Patient", "birthDate": 1980}, {"resourceType": "Patient", "active": "true"},
        {"resourceType": "Patient", "multipleBirthInteger": True}, {"resourceType": "Patient", "name": {"text": "a"}},
        {"resourceType": "Patient", "name": []}, {"resourceType": "Patient", "name": [{}]},
        {"resourceType": "Patient", "name": [None]}, {"resourceType": "Patient", "birthDate": None},
        {"resourceType": "Patient", "_birthDate": {}}, {"resourceType": "Patient", "_birthDate": {"url": "u"}},
        {"resourceType": "Patient", "_name": [{"id": "a"}]},
        {"resourceType": "Patient", "name": [{"_id": {"id": "a"}}]},
        {"resourceType": "Patient", "name": [{"given": [None], "_given": [None]}]},
        {"resourceType": "Patient", "name": [{"text": "a\x00"}]}, {"resourceType": "Patient", "contained": [{}]},
        {"resourceType": "Patient", "extension": [{"_url": {"id": "a"}}]},
        {"resourceType": "Patient", "text": {"div": "<p>a</p>"}}, {"resourceType": "Patient", "text": {"div": "<div>"}},
        {"resourceType": "Patient", "text": {"div": "<!DOCTYPE d [<!ENTITY a 'b'>]><div>&a;</div>"}},
    ],
)  # fmt: skip
def test_what_xml_cannot_hold_is_refused_and_not_shown(resource: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as refused:
        to_xml(resource)
    assert refused.value.code == "CB-301"
    assert "1980" not in str(refused.value)


def test_what_may_be_written_may_be_read_however_deep() -> None:
    def nested(levels: int) -> dict[str, Any]:
        inner: dict[str, Any] = {"url": "u", "valueCode": "c"}
        for _ in range(levels - 3):
            inner = {"url": "u", "extension": [inner]}
        return {"resourceType": "Patient", "extension": [inner]}

    deepest = nested(MOST_LEVELS)
    assert loads(dumps(from_xml(to_xml(deepest)))) == deepest
    with pytest.raises(RecordError, match="nested too deep"):
        to_xml(nested(MOST_LEVELS + 1))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for document in (data, HEAD + data, patient("") + data):
        with contextlib.suppress(RecordError):
            assert from_xml(document)["resourceType"]

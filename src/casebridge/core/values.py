"""The value types every kind of record is made of (case model, section 1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from casebridge.core.labels import coding

AbsentReason = Literal["asked-unknown", "asked-declined", "not-asked", "withheld", "no-room"]
Kind = Literal[
    "person", "organization", "location", "program", "worker", "case", "participation",
    "need", "assessment", "plan", "referral", "activity", "consent", "document",
]  # fmt: skip

_DAY = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
DATE_PATTERN = f"^{_DAY}$"
MOMENT_PATTERN = f"^({_DAY}|[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]{_TIME})$"
MONEY_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"

PartialDate = Annotated[str, StringConstraints(pattern=DATE_PATTERN)]
"""A date as far as it is known, kept as written: 1974, 1974-12 or 1974-12-25."""

Moment = Annotated[str, StringConstraints(pattern=MOMENT_PATTERN)]
"""A partial date, or a date and time with or without a zone, kept as written."""

Money = Annotated[str, StringConstraints(pattern=MONEY_PATTERN)]
"""An amount as a decimal string, never a float."""


class Value(BaseModel):
    """Base of every value: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Recorded(Value):
    """What the source says of its own record-keeping: who asserts it, when it was written, changed, taken back."""

    asserted_by: str | None = None
    created: Moment | None = None
    updated: Moment | None = None
    deleted: Moment | None = None


class Absent(Value):
    """A value that is missing for a known reason; HMIS 8, 9 and 99 are three different ones."""

    absent: AbsentReason


Text = str | Absent


class Period(Value):
    """From ``start`` to ``end``, both included, either open."""

    start: Moment | None = None
    end: Moment | None = None


class Coding(Value):
    """A code and the system it belongs to, in one of its versions."""

    system: str | None = None
    version: str | None = None
    code: str | None = None
    display: str | None = None


class Label(Coding):
    """A sensitivity label; a code alone, as older stores hold it, is read as well."""

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, said: object) -> object:
        return coding(said)


class Ref(Value):
    """Points to another record: by the source's own id until applied, by ours afterwards."""

    kind: Kind
    id: str | None = None
    external_id: str | None = None
    display: str | None = None


class Identifier(Value):
    """An id somebody gave. Only ``scope: person`` ever links people."""

    system: str | None = None
    value: Text | None = None
    kind: str | None = None
    scope: Literal["person", "household", "plan"] | None = None
    assigner: str | None = None
    use: str | None = None
    period: Period | None = None


class Name(Value):
    """A person's or an organization's name; ``given`` is a list in order."""

    use: str | None = None
    family: Text | None = None
    given: list[str] | Absent | None = None
    prefix: list[str] | None = None
    suffix: list[str] | None = None
    text: Text | None = None
    period: Period | None = None
    quality: Text | None = None


class Address(Value):
    """A postal address; ``shelter`` marks a shelter's own, ``safe_to_mail`` whether post may go there."""

    kind: str | None = None
    line: list[str] | None = None
    city: str | None = None
    county: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    text: str | None = None
    period: Period | None = None
    shelter: bool | None = None
    safe_to_mail: bool | None = None


class Telecom(Value):
    """A phone number or e-mail address, whether it is safe to use, and whether appointments are made there."""

    system: str | None = None
    use: str | None = None
    value: Text | None = None
    safe_to_contact: bool | None = None
    appointments: bool | None = None
    best_time: str | None = None
    period: Period | None = None


class Sex(Value):
    """One statement of sex: FHIR gender, birth sex, HMIS Sex and X12 DMG03 are different facts."""

    kind: Literal["administrative", "birth", "recorded", "hud"]
    value: Text


class Language(Value):
    """A language the person uses, and whether an interpreter is needed."""

    code: str
    use: str | None = None
    preferred: bool | None = None
    interpreter: bool | None = None


class Characteristic(Value):
    """Race, ethnicity, gender identity, veteran status ...: a code, its value, who said so and how.

    ``detailed`` says the value more closely: a tribe, a country.
    """

    code: str
    value: str | list[str] | bool | Absent | None = None
    detailed: list[Coding] | None = None
    text: str | None = None
    asserter: str | None = None
    method: str | None = None


class Relation(Value):
    """A tie to another person: role (guardian, mother, carer), and any legal authority."""

    role: str
    person: Ref | None = None
    name: Name | None = None
    telecoms: list[Telecom] | None = None
    authority: str | None = None
    scope: str | None = None


class Item(Recorded):
    """One answer of an assessment, or one output of a referral; ``group`` and ``order`` are its place on the form.

    ``value_type`` says what ``value`` is; a coded one has the system its code belongs to beside it. ``code_display`` is
    what a ``code`` that is a plain text is called.
    """

    external_id: str | None = None
    code: Coding | str
    code_display: str | None = None
    group: str | None = None
    order: str | None = None
    value: Any | None = Field(default=None)
    value_type: Literal["coded", "text", "flag", "number", "time", "quantity", "address"] | None = None
    value_system: str | None = None
    value_display: str | None = None
    unit: str | None = None
    unit_code: str | None = None
    amount: Money | None = None
    ref: Ref | None = None


class Goal(Value):
    """A measurable goal of a plan: for which needs, what is measured and what shall be reached.

    ``domain_display`` are the source's own words for the ``domain``.
    """

    external_id: str | None = None
    text: str | None = None
    code: Coding | None = None
    domain: str | None = None
    domain_display: str | None = None
    needs: list[Ref] | None = None
    measure: Coding | None = None
    target_code: Coding | None = None
    target: str | None = None
    due: Moment | None = None
    start: Moment | None = None
    achievement: str | None = None
    status: str | None = None
    status_date: Moment | None = None


class TeamMember(Value):
    """A worker on a case, in a role, for a time."""

    worker: Ref
    role: str | None = None
    period: Period | None = None


class Dispute(Value):
    """What the client says is wrong; it travels to those who received the record."""

    note: str
    by: str | None = None
    date: Moment | None = None


class Source(Value):
    """Who asserted the record and where exactly it came from."""

    partner: str
    external_id: str
    payload: str | None = None
    position: dict[str, Any] | None = None
    map: str | None = None

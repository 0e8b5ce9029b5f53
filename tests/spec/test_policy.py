"""Who may have what: one row a case, as a privacy officer would read it."""

import csv
from dataclasses import replace
from importlib.resources import files
from typing import get_args

import pytest

from casebridge.core.case import KINDS
from casebridge.core.policy import (
    ConsentFact,
    Purpose,
    Relation,
    Request,
    accountable,
    decide,
    load_rules,
    standard_rules,
)
from casebridge.core.rules import COLUMNS
from casebridge.core.schema import codes_of, has_place

BAA, HMIS = frozenset({"BAA"}), frozenset({"HMIS"})
FOOD = Request(
    kind="person", field="telecoms.value", source_id="mercy", source_role="covered_entity", recipient_role="cbo",
    recipient_id="food-bank", relation="recipient", purpose="referral", domain="food-insecurity",
)  # fmt: skip
BACK = replace(
    FOOD, kind="referral", field="status", source_id="food-bank", source_role="cbo", recipient_role="covered_entity",
    recipient_id="mercy", relation="source", purpose="referral-status",
)  # fmt: skip
TREATMENT = replace(FOOD, recipient_role="covered_entity", recipient_id="clinic")
TO_HMIS = replace(
    FOOD, kind="referral", field="status", recipient_role="hmis_lead", recipient_id="coc", purpose="hmis"
)  # fmt: skip
COVERAGE = replace(
    BACK, kind="participation", field="end", source_id="state", source_role="payer", purpose="coverage-change"
)  # fmt: skip
DESK = replace(FOOD, recipient_role="site", recipient_id="site", relation="none", purpose="operations")
OWN = replace(FOOD, recipient_role="individual", recipient_id="client", relation="none", purpose="individual")


def consent(*purposes: str, to: str = "food-bank", **more) -> tuple[ConsentFact, ...]:
    facts = {"recipients": frozenset({to}), "purposes": frozenset(purposes), "written": True, "ends": True}
    return (ConsentFact("permit", **{**facts, **more}),)


def refusal(**more) -> tuple[ConsentFact, ...]:
    return (ConsentFact("deny", **more),)


def labels(*codes: str) -> frozenset[str]:
    return frozenset(codes)


YES = consent("referral")
PART2 = consent(
    "referral", law="Part2-specific", labels=labels("42CFRPart2"), disclosers=frozenset({"mercy"})
)  # fmt: skip
VAWA = consent("referral", law="VAWA")

CASES = [
    # about, request, effect, a rule that made it
    ("an agency without consent or agreement", FOOD, "deny", "default"),
    ("with the client's consent", replace(FOOD, consents=YES), "permit", "referral-authorized"),
    ("with a consent for another agency", replace(FOOD, consents=consent("referral", to="other")), "deny", "default"),
    ("with a consent for another purpose", replace(FOOD, consents=consent("hmis")), "deny", "default"),
    ("with a consent for its class", replace(FOOD, consents=consent("referral", to="role:cbo")), "permit", ""),
    ("with an agreement", replace(FOOD, agreements=BAA), "permit", "referral-agreement"),
    ("where the site takes it as treatment", replace(FOOD, treatment_switch="treatment"), "permit", "referral-site"),
    ("not the recipient of this referral", replace(FOOD, agreements=BAA, relation="none"), "deny", "default"),
    ("a refusal outranks", replace(FOOD, agreements=BAA, consents=refusal()), "deny", "refused"),
    (
        "a refusal for another agency does not matter",
        replace(FOOD, agreements=BAA, consents=refusal(recipients=frozenset({"other"}))), "permit", "",
    ),
    ("the social security number", replace(FOOD, consents=YES, field="identifiers.value"), "deny", "minimum"),
    ("the birth date for food", replace(FOOD, consents=YES, field="birth"), "deny", "minimum"),
    ("the birth date for a bed", replace(FOOD, consents=YES, field="birth", domain="homelessness"), "redact", ""),
    (
        "the birth date for health insurance",
        replace(FOOD, consents=YES, field="birth", domain="health-insurance-coverage-status"), "permit", "",
    ),
    (
        "the need it is about",
        replace(FOOD, consents=YES, kind="need", field="domain", record_domain="food-insecurity"), "permit", "",
    ),
    (
        "another need",
        replace(FOOD, consents=YES, kind="need", field="domain", record_domain="homelessness"), "deny", "minimum",
    ),
    ("the labels, so that it knows", replace(FOOD, consents=YES, kind="referral", field="labels.code"), "permit", ""),
    (
        "the labels of what may not go",
        replace(FOOD, consents=YES, kind="referral", field="labels.code", labels=labels("SUD")), "deny", "sensitive",
    ),
    ("labels with the answer", replace(BACK, field="labels.code", labels=labels("SUD")), "deny", "minimum"),
    ("what the hospital added of its own", replace(TREATMENT, field="extra.bed"), "deny", "extra"),
    ("a note on substance use", replace(FOOD, consents=YES, labels=labels("SUD")), "deny", "sensitive"),
    ("an unknown label", replace(FOOD, agreements=BAA, labels=labels("???")), "deny", "sensitive"),
    ("a harmless label", replace(FOOD, agreements=BAA, labels=labels("N")), "permit", ""),
    (
        "substance use, covered by name",
        replace(FOOD, consents=consent("referral", labels=labels("SUD")), labels=labels("SUD")), "permit", "",
    ),
    ("a provider, for treatment", replace(TREATMENT, field="identifiers.value"), "permit", "referral-treatment"),
    ("a provider, about HIV", replace(TREATMENT, labels=labels("HIV")), "review", "sensitive-review"),
    ("a provider, Part 2 without consent", replace(TREATMENT, source_part2=True), "deny", "part2"),
    ("Part 2 with consent, no room for the notice", replace(FOOD, source_part2=True, consents=PART2), "deny", "part2"),
    (
        "Part 2 with consent and notice",
        replace(FOOD, source_part2=True, consents=PART2, notice_room=True), "permit", "part2-notice",
    ),
    (
        "Part 2, another discloser than the consent names",
        replace(FOOD, source_id="clinic", source_part2=True, consents=PART2, notice_room=True), "deny", "part2",
    ),
    ("Part 2 by label", replace(TREATMENT, labels=labels("42CFRPart2"), notice_room=True), "deny", "part2"),
    ("psychotherapy notes", replace(TREATMENT, labels=labels("PSYTHPN")), "deny", "counselling-notes"),
    ("an abuse report, even to the client", replace(OWN, labels=labels("CPS")), "deny", "abuse-report"),
    ("a victim service's row", replace(FOOD, source_vsp=True, consents=YES), "deny", "victim-service"),
    ("a victim service's row with its release", replace(FOOD, source_vsp=True, consents=VAWA), "permit", ""),
    (
        "a victim service's row into HMIS, with a release",
        replace(TO_HMIS, source_vsp=True, agreements=HMIS, consents=consent("hmis", to="coc", law="VAWA")),
        "deny", "victim-hmis",
    ),
    ("to a victim service: kept quiet", replace(FOOD, agreements=BAA, recipient_vsp=True), "permit", "quiet"),
    ("what tells of violence", replace(FOOD, agreements=BAA, labels=labels("DV")), "deny", "violence"),
    ("the answer to the hospital", BACK, "permit", "status-back"),
    ("the answer, on a referral about substance use", replace(BACK, labels=labels("SUD")), "permit", "status-back"),
    ("the answer, where there may be danger", replace(BACK, labels=labels("DV")), "review", "violence-review"),
    ("the answer, in HL7's word for danger", replace(BACK, labels=labels("SDV")), "review", "violence-review"),
    ("a provider, about violence", replace(TREATMENT, labels=labels("VIO")), "deny", "violence"),
    (
        "violence, by the client's release",
        replace(FOOD, labels=labels("SDV"), consents=VAWA), "permit", "referral-authorized",
    ),
    ("the answer of a victim service", replace(BACK, source_vsp=True), "deny", "victim-service"),
    ("the answer to somebody else", replace(BACK, relation="none"), "deny", "default"),
    ("the agency's case notes", replace(BACK, kind="activity", field="text"), "deny", "minimum"),
    ("an HMIS event without agreement", TO_HMIS, "deny", "default"),
    ("an HMIS event", replace(TO_HMIS, agreements=HMIS), "permit", "hmis-agreement"),
    (
        "an HMIS event by consent", replace(TO_HMIS, consents=consent("hmis", to="coc")), "permit", "hmis-authorized",
    ),
    ("the name into HMIS", replace(TO_HMIS, kind="person", field="names.family", agreements=HMIS), "deny", "minimum"),
    ("the end of coverage, to the hospital", COVERAGE, "permit", "coverage-news"),
    ("the plan's own number", replace(COVERAGE, field="plan"), "deny", "medicaid"),
    ("coverage, where the site asks for consent", replace(COVERAGE, coverage_switch="consent"), "deny", "medicaid"),
    (
        "coverage, where the client has consented",
        replace(COVERAGE, coverage_switch="consent", consents=consent("coverage-change", to="mercy")),
        "permit", "coverage-authorized",
    ),
    ("the sender's own referral with it", replace(COVERAGE, kind="referral", source_role="covered_entity", field="id"),
     "permit", "coverage-referral"),
    ("coverage, to an agency", replace(COVERAGE, recipient_role="cbo"), "deny", "medicaid"),
    ("a payer's record in a referral", replace(FOOD, source_role="payer", agreements=BAA), "deny", "medicaid"),
    ("the desk sees who to call", DESK, "permit", "desk"),
    ("the desk does not see the number", replace(DESK, field="identifiers.value"), "deny", "minimum"),
    ("the desk and HIV", replace(DESK, kind="need", field="domain", labels=labels("HIV")), "deny", "sensitive-site"),
    (
        "an e-mail says that something waits",
        replace(FOOD, kind="referral", field="correlation", purpose="notice"), "permit", "bare-notice",
    ),
    ("an e-mail does not say who", replace(FOOD, purpose="notice"), "deny", "minimum"),
    ("the agency's address", replace(FOOD, kind="organization", field="telecoms.value"), "permit", "directory"),
    ("the client's own record", replace(OWN, field="identifiers.value", labels=labels("HIV")), "permit", "individual"),
    ("the client's own record at a victim service", replace(OWN, source_vsp=True), "permit", "individual"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "effect", "rule"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_case(request_, effect, rule):
    decision = decide(request_)
    assert decision.effect == effect, decision
    assert rule in ("", *decision.rules)
    assert decision.why.endswith(".")


def test_every_rule_is_shown_by_a_case():
    shown = {rule for case in CASES for rule in decide(case[1]).rules}
    assert {rule.id for rule in standard_rules().rules} - shown == set()


@pytest.mark.parametrize(
    ("request_", "ground", "counted"),
    [
        (replace(FOOD, consents=YES), "authorization", False),
        (TREATMENT, "treatment", False),
        (OWN, "individual", False),
        (COVERAGE, "plan-coordination", False),
        (replace(TO_HMIS, agreements=HMIS), "community-agreement", True),
        (replace(TO_HMIS, agreements=HMIS, consents=consent("hmis", to="coc")), "authorization", False),
        (FOOD, "", False),
    ],
)
def test_what_stands_on_the_persons_list_of_disclosures(request_, ground, counted):
    decision = decide(request_)
    assert (decision.ground, decision.accountable) == (ground, counted)
    assert accountable(ground) == counted


def test_a_notice_and_a_redaction_are_obligations():
    assert decide(replace(FOOD, source_part2=True, consents=PART2, notice_room=True)).obligations == ("part2-notice",)
    shelter = replace(FOOD, agreements=BAA, field="birth", domain="homelessness")
    assert decide(shelter).obligations == ("keep-year",)
    assert decide(replace(shelter, agreements=frozenset())).obligations == ()


ROLES = {*codes_of("organization.role"), "site", "individual"}
CELLS = {
    "kind": set(KINDS), "label": {*codes_of("person.labels.code"), "sensitive"}, "source": ROLES, "recipient": ROLES,
    "relation": set(get_args(Relation)), "purpose": set(get_args(Purpose)),
}  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    text = files("casebridge.core").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("row", rows("policy"), ids=lambda row: row["id"])
def test_a_rule_speaks_of_things_there_are(row):
    """A misspelt cell would never fit, and a rule that protects would be silent."""
    for column, known in CELLS.items():
        assert set(filter(None, row[column].removeprefix("!").split("|"))) <= known, column
    fields = filter(None, row["field"].removeprefix("!").split("|"))
    assert all(any(has_place(f"{kind}.{field}") for kind in KINDS) for field in fields)


def test_an_allow_list_names_places_roles_purposes_and_domains_there_are():
    for row in rows("minimum"):
        assert has_place(f"{row['kind']}.{row['field']}"), row
        assert row["recipient_role"] in {*ROLES, "*"}, row
        assert row["purpose"] in get_args(Purpose), row
        assert row["domain"] in {*codes_of("need.domain"), "*", "same"}, row


def test_no_row_stands_twice_and_every_ground_is_used():
    for name in ("policy", "minimum", "grounds", "consent_purposes"):
        lines = [tuple(row.values()) for row in rows(name)]
        assert len(lines) == len(set(lines)), name
    assert {row["ground"] for row in rows("grounds")} == {rule.ground for rule in standard_rules().rules} - {""}


def test_a_consents_codes_lead_to_purposes_there_are():
    assert all(set(row["purposes"].split()) <= set(get_args(Purpose)) for row in rows("consent_purposes"))


def test_review_exists_only_where_a_permit_does():
    assert decide(replace(TREATMENT, labels=labels("HIV"), relation="none")).effect == "deny"


def test_every_rule_names_its_law_and_its_reason():
    assert all(rule.citation and rule.why.endswith(".") for rule in standard_rules().rules)


HEAD = ",".join(COLUMNS)
MINIMUM = "recipient_role,purpose,domain,kind,field,form\n"
GROUNDS = "ground,accountable,citation,words\ntreatment,no,x,x\n"


@pytest.mark.parametrize(
    ("policy", "minimum", "message"),
    [
        ("id,effect\n", MINIMUM, "the rule table has the columns"),
        (f"{HEAD}\nx,allow,,,,,,,,,,,,c,w\n", MINIMUM, "line 2: an effect is one of"),
        (f"{HEAD}\nx,permit,,,,,,,,,,,,c,w\n", MINIMUM, "line 2: an effect is one of"),
        (f"{HEAD}\nx,deny,,,,,,,,,whim,,,c,w\n", MINIMUM, "line 2: 'whim' is no condition"),
        (f"{HEAD}\n", "a,b\n", "the allow-list has the columns"),
        (f"{HEAD}\n", MINIMUM + "cbo,referral,*,person,birth,decade\n", "line 2: form"),
    ],
)
def test_a_table_that_is_wrong_says_where(policy, minimum, message):
    with pytest.raises(ValueError, match=message):
        load_rules(policy, minimum, GROUNDS)


def test_a_site_may_bring_its_own_tables():
    permit = f"{HEAD}\nall,permit,treatment,,,,,,,,,,,law,Because.\n"
    rules = load_rules(permit, MINIMUM, GROUNDS)
    assert decide(FOOD, rules).rules == ("all",)
    assert rules.version != standard_rules().version


def test_labels_travel_with_what_they_mark():
    """Who may have a record of a client for a referral or a change of coverage may have its labels.

    Not so where it goes back to who wrote it, nor in HMIS, whose files have no place for labels.
    """
    given = {(r["recipient_role"], r["purpose"], r["kind"]): set() for r in rows("minimum")}
    for row in rows("minimum"):
        given[row["recipient_role"], row["purpose"], row["kind"]].add((row["field"], row["domain"]))
    unmarked = [
        key for key, fields in given.items()
        if key[1] in ("referral", "coverage-change", "referral-status") and key[0] != "hmis_lead"
        and not any(field == "labels" for field, _ in fields)
    ]  # fmt: skip
    assert {(purpose, kind) for _, purpose, kind in unmarked} == {
        ("referral-status", "referral"), ("coverage-change", "referral"),
    }  # fmt: skip
    assert not {("labels", "*"), ("labels", "same")}.isdisjoint(given["cbo", "referral", "need"])

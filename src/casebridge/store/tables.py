"""All tables, one schema for SQLite and PostgreSQL.

Documents and originals are opaque bytes (JSON); what is searched is a column. Times are ISO 8601 text in UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)  # fmt: skip

metadata = MetaData(
    naming_convention={"ix": "ix_%(column_0_N_label)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                       "pk": "pk_%(table_name)s"}
)  # fmt: skip

SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up by itself only in an INTEGER
ULID = String(26)
MOMENT = String(32)
NAME = String(120)

def _only(where: str) -> dict[str, Any]:
    """An index over the few rows that matter, not over all that are done."""
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


payload = Table(
    "payload", metadata,
    Column("id", ULID, primary_key=True),
    Column("partner", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", NAME, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", SEQUENCE, nullable=False),  # more than 2 GB have no room in PostgreSQL's INTEGER
    Column("identity", Text),
    Column("state", String(12), nullable=False),  # stored | conflict
    Column("received_at", MOMENT, nullable=False),
    Column("repeats", Integer, nullable=False, server_default=text("0")),  # how often it came again
    Column("erased_at", MOMENT),  # the bytes are gone by the retention policy, the digest stays
    Column("token", String(64)),  # of what has no identity: a digest of the link's handle, until the sender was told
    Index("ix_payload_partner_identity", "partner", "identity", "id"),
    Index("ix_payload_partner", "partner", "id"),
    Index("ix_payload_token", "partner", "token", **_only("token IS NOT NULL")),
)  # fmt: skip

payload_part = Table(
    "payload_part", metadata,
    Column("payload", ULID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("payload", "number"),
)  # fmt: skip

message = Table(
    "message", metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", ULID, nullable=False, unique=True),
    Column("direction", String(3), nullable=False),  # in | out
    Column("partner", NAME, nullable=False),
    Column("kind", NAME, nullable=False),  # payload, a native type, or the kind of record that goes out
    Column("external_id", Text),
    Column("order_key", Text),
    Column("stop", String(12), nullable=False),  # accept | understand | apply | prepare | deliver
    Column("state", String(12), nullable=False),  # waiting | held | done | skipped | dropped | shown
    Column("code", String(8)),
    Column("reason", Text),
    Column("remedy", Text),
    Column("who", String(12)),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("due_at", MOMENT, nullable=False),
    Column("part", Integer, nullable=False, server_default=text("0")),  # of its lane, by the order key
    Column("urgent", Boolean, nullable=False, server_default=false()),  # urgent lanes are of their own
    Column("correlation", ULID),
    Column("parent", ULID),
    Column("payload", ULID),
    Column("position", Text),  # JSON
    Column("map_name", NAME),
    Column("map_digest", String(64)),
    Column("policy", String(64)),
    Column("purpose", String(40)),
    Column("about", Text),  # JSON: what an outgoing message is about
    Column("document", LargeBinary),  # JSON, while the message is on its way
    Column("dispatch", ULID),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    UniqueConstraint("parent", "position"),
    Index("ix_message_work", "stop", "partner", "urgent", "part", "due_at", **_only("state = 'waiting'")),
    Index("ix_message_line", "stop", "partner", "urgent", "part", "seq", **_only("state = 'waiting'")),
    Index("ix_message_order", "direction", "partner", "order_key", "seq", **_only("state IN ('waiting', 'held')")),
    Index("ix_message_held", "partner", "seq", **_only("state = 'held'")),
    Index("ix_message_payload", "payload"),
    Index("ix_message_correlation", "correlation", **_only("correlation IS NOT NULL")),
    Index("ix_message_dispatch", "dispatch", **_only("dispatch IS NOT NULL")),
)  # fmt: skip

dispatch = Table(
    "dispatch", metadata,
    Column("id", ULID, primary_key=True),
    Column("partner", NAME, nullable=False),
    Column("state", String(12), nullable=False),  # claimed | inflight | sent | shown | returned | held
    Column("due_at", MOMENT, nullable=False),
    Column("prepared_at", MOMENT, nullable=False),
    Column("sent_at", MOMENT),
    Column("reference", Text),
    Column("part", Integer, nullable=False, server_default=text("0")),
    Column("urgent", Boolean, nullable=False, server_default=false()),
    Column("sends", Integer, nullable=False, server_default=text("0")),  # how often it was handed to the link
    Index("ix_dispatch_work", "partner", "urgent", "part", "due_at", **_only("state IN ('claimed', 'inflight')")),
)  # fmt: skip

dispatch_file = Table(
    "dispatch_file", metadata,
    Column("dispatch", ULID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", NAME, nullable=False),
    Column("records", Text, nullable=False),  # JSON list of indexes
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("dispatch", "number"),
)  # fmt: skip

record = Table(
    "record", metadata,
    Column("id", ULID, nullable=False),
    Column("version", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("source", NAME, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("subject", Text),  # the source's id of the person it is about
    Column("status", String(40)),
    Column("message", ULID),
    Column("payload", ULID),
    Column("map_digest", String(64)),
    Column("recorded_at", MOMENT, nullable=False),
    Column("document", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", "version"),
    Index("ix_record_source", "source", "kind", "external_id", "current"),
    Index("ix_record_subject", "source", "subject", "kind", "current"),
)  # fmt: skip

identifier = Table(
    "identifier", metadata,
    Column("source", NAME, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("source", "external_id", "system", "value"),
    Index("ix_identifier_value", "system", "value"),
)  # fmt: skip

client = Table(
    "client", metadata,
    Column("id", ULID, primary_key=True),
    Column("created_at", MOMENT, nullable=False),
)  # fmt: skip

link = Table(
    "link", metadata,
    Column("id", ULID, primary_key=True),
    Column("client", ULID, nullable=False),
    Column("source", NAME, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("decision", String(8), nullable=False),  # auto | review
    Column("evidence", Text, nullable=False),  # JSON: the systems that agreed, never the values
    Column("decided_at", MOMENT, nullable=False),
    Column("undone_at", MOMENT),
    Index("ix_link_person", "source", "external_id"),
    Index("ix_link_client", "client"),
)  # fmt: skip

referral = Table(
    "referral", metadata,
    Column("id", ULID, primary_key=True),
    Column("client", ULID),
    Column("source", NAME, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("subject", Text),
    Column("recipient", NAME),
    Column("parent", ULID),
    Column("domain", Text),  # their own words, of any length, where a code has none of ours
    Column("category", Text),
    Column("status", String(20), nullable=False),
    Column("detail", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("sort", String(8)),  # part | offer | try: CaseBridge made it of its parent; empty when a source made it
    Column("request", Text),  # the source's id of what it asked for, where that is its parent's
    UniqueConstraint("source", "external_id"),
    Index("ix_referral_subject", "source", "subject", "id"),
    Index("ix_referral_client", "client"),
    Index("ix_referral_parent", "parent", **_only("parent IS NOT NULL")),
)  # fmt: skip

referral_event = Table(
    "referral_event", metadata,
    Column("referral", ULID, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("partner", NAME, nullable=False),
    Column("side", String(8), nullable=False),  # source | target | bridge
    Column("state", String(20), nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    Column("verdict", String(10), nullable=False),  # apply | repeat | conflict
    Column("why", Text),
    Column("message", ULID),
    Column("document", LargeBinary, nullable=False),  # JSON: detail, reason, outcome, outputs
    PrimaryKeyConstraint("referral", "sequence"),
)  # fmt: skip

event = Table(
    "event", metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("at", MOMENT, nullable=False),
    Column("name", String(40), nullable=False),
    Column("message", ULID),
    Column("partner", NAME),
    Column("stop", String(12)),
    Column("state", String(12)),
    Column("code", String(8)),
    Column("correlation", ULID),
    Column("facts", Text, nullable=False),  # JSON, no personal data
    Index("ix_event_correlation", "correlation"),
    Index("ix_event_message", "message"),
)  # fmt: skip

disclosure = Table(
    "disclosure", metadata,
    Column("id", ULID, primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("effect", String(10), nullable=False),  # released | refused
    Column("client", ULID),
    Column("message", ULID),
    Column("correlation", ULID),
    Column("recipient", NAME, nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("permitted", Text, nullable=False),  # JSON: case paths
    Column("withheld", Text, nullable=False),  # JSON: case path, rules, why
    Column("rules", Text, nullable=False),  # JSON
    Column("accountable", Boolean, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("delivered_at", MOMENT),
    Index("ix_disclosure_client", "client"),
    Index("ix_disclosure_message", "message"),
    Index("ix_disclosure_correlation", "correlation"),
)  # fmt: skip

remote = Table(
    "remote", metadata,
    Column("partner", NAME, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("our_id", ULID, nullable=False),
    Column("their_id", Text, nullable=False),
    Column("version", Text),
    Column("written_version", Text),  # the version our own write made: meeting it again is an echo
    Column("original", LargeBinary),
    Column("updated_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("partner", "kind", "our_id"),
    Index("ix_remote_theirs", "partner", "kind", "their_id", "our_id"),
)  # fmt: skip

map_text = Table(
    "map", metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("text", Text, nullable=False),
)  # fmt: skip

cursor = Table(
    "cursor", metadata,
    Column("partner", NAME, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)  # fmt: skip

form_token = Table(
    "form_token", metadata,
    Column("digest", String(64), primary_key=True),  # sha256 of the token; the token itself is never stored
    Column("partner", NAME, nullable=False),
    Column("referral", ULID, nullable=False),
    Column("message", ULID, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("revoked_at", MOMENT),
    Index("ix_form_token_referral", "referral"),
)  # fmt: skip

resource = Table(
    "resource", metadata,  # a partner's shelf: what it may read at a door of ours
    Column("partner", NAME, nullable=False),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("message", ULID),  # that was delivered to it; none: the partner's own words
    Column("document", LargeBinary),  # none: it was withdrawn
    PrimaryKeyConstraint("partner", "type", "id", "version"),
    Index("ix_resource_shelf", "partner", "type", "at", "id", sqlite_where=text("current = 1"),
          postgresql_where=text("current")),
)  # fmt: skip

resource_key = Table(
    "resource_key", metadata,  # what the current version of a resource is found by
    Column("partner", NAME, nullable=False),
    Column("type", String(64), nullable=False),
    Column("name", String(64), nullable=False),  # of the search parameter
    Column("value", Text, nullable=False),
    Column("id", String(64), nullable=False),
    PrimaryKeyConstraint("partner", "type", "name", "value", "id"),
    Index("ix_resource_key_id", "partner", "type", "id"),
    sqlite_with_rowid=False,
)  # fmt: skip

used_once = Table(
    "used_once", metadata,  # what may be used a single time: the id of a signed request
    Column("name", String(200), primary_key=True),
    Column("until", MOMENT, nullable=False),
)  # fmt: skip

subscription = Table(
    "subscription", metadata,  # a partner that is told when something on its shelf changes
    Column("partner", NAME, nullable=False),
    Column("id", String(64), nullable=False),
    Column("status", String(12), nullable=False),  # requested | active | error | off
    Column("version", Integer, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("number", SEQUENCE, nullable=False),  # of the last thing that happened
    Column("told", SEQUENCE, nullable=False),  # of the last one that the partner has taken
    Column("heartbeat", Integer, nullable=False),  # seconds
    Column("until", MOMENT, nullable=False),
    Column("due_at", MOMENT, nullable=False),  # when something is to be done about it
    Column("failures", Integer, nullable=False),  # in a row
    Column("failing_since", MOMENT),
    Column("code", String(8)),
    Column("document", LargeBinary, nullable=False),  # JSON: what it watches, and the partner's own words
    PrimaryKeyConstraint("partner", "id"),
    Index("ix_subscription_due_at", "due_at"),
)  # fmt: skip

happened = Table(
    "happened", metadata,  # what a subscription is told of
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("partner", NAME, nullable=False),
    Column("subscription", String(64), nullable=False),
    Column("number", SEQUENCE),  # given when it is told first, if it may be seen then
    Column("at", MOMENT, nullable=False),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Index("ix_happened_number", "partner", "subscription", "number"),
)  # fmt: skip

# --- who works, what is due, what is sealed ----------------------------------------------------------------------

lane = Table(
    "lane", metadata,
    Column("name", String(200), primary_key=True),
    Column("epoch", Integer, nullable=False),  # goes up with every new holder: the fence
    Column("holder", String(64)),
    Column("until", MOMENT),
)  # fmt: skip

circuit = Table(
    "circuit", metadata,
    Column("partner", NAME, primary_key=True),
    Column("state", String(10), nullable=False),  # closed | open | half-open
    Column("failures", Integer, nullable=False),  # in a row
    Column("until", MOMENT),  # nothing is sent before, then one
    Column("code", String(8)),
    Column("window", Integer, nullable=False, server_default=text("1")),  # half-open: how many at once
    Column("changed_at", MOMENT, nullable=False),
)  # fmt: skip

timer = Table(
    "timer", metadata,
    Column("kind", String(40), nullable=False),
    Column("subject", String(200), nullable=False),  # an id or a partner's name, never personal data
    Column("due_at", MOMENT, nullable=False),
    Column("fired_at", MOMENT),
    Column("facts", Text, nullable=False),  # JSON, no personal data
    PrimaryKeyConstraint("kind", "subject"),
    Index("ix_timer_due", "due_at", **_only("fired_at IS NULL")),
    Index("ix_timer_subject", "subject", "kind"),
)  # fmt: skip

seal = Table(
    "seal", metadata,
    Column("number", SEQUENCE, primary_key=True, autoincrement=False),
    Column("first", SEQUENCE, nullable=False),  # event.seq of the rows under it
    Column("last", SEQUENCE, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("key", String(16), nullable=False),  # the id of the key, which is outside
    Column("digest", String(64), nullable=False),  # HMAC over the seal before and the tags
    Column("tags", LargeBinary, nullable=False),  # 20 bytes a row: seq - first (4), the first half of its HMAC (16)
)  # fmt: skip

legal_hold = Table(
    "legal_hold", metadata,
    Column("id", ULID, primary_key=True),
    Column("kind", String(12), nullable=False),  # client | partner | referral
    Column("subject", NAME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", NAME, nullable=False),
    Column("since", MOMENT, nullable=False),
    Column("ended_at", MOMENT),
)  # fmt: skip

fact = Table(
    "fact", metadata,  # what the store knows of itself
    Column("name", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip

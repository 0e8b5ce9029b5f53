"""Which members of a file were seen before, in bounded memory (about 200 bytes a member)."""

from __future__ import annotations

from casebridge.core.errors import Position, RecordError

REMEMBERED = 100_000  # members among which a second loop of the same person is noticed
_MASK = (1 << 32) - 1


class Sightings:
    """The last members, each with its segment number and what tells two people apart, packed in one integer."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._seen: dict[str, int] = {}
        self._remembered = remembered

    def notice(self, member_id: str, segment: int, likeness: tuple[str, str]) -> tuple[int, bool]:
        """The segment where this member stood before (0: nowhere), and whether that was another person.

        Another person has another given name *and* another birth date; one of them alone may be a correction.
        """
        given, birth = (hash(part) & _MASK if part else 0 for part in likeness)
        before = self._seen.pop(member_id, 0)
        given_before, birth_before = before >> 32 & _MASK, before & _MASK
        known = all((given, birth, given_before, birth_before))
        other = known and given != given_before and birth != birth_before
        self._seen[member_id] = before if other else segment << 64 | given << 32 | birth
        if len(self._seen) > self._remembered:
            del self._seen[next(iter(self._seen))]
        return before >> 64, other

    def repeated(self, member_id: str, segment: int, likeness: tuple[str, str]) -> list[str] | RecordError:
        """A second loop of the same member: said, and held (CB-316) when name *and* birth date are another person's."""
        before, other = self.notice(member_id, segment, likeness)
        if other:
            return RecordError(
                "CB-316", f"another person under the member id of segment {before}", external_id=member_id,
                position=Position(segment=segment, loop="2000"), field="2000 REF02",
                expected="one person for each member id",
            )  # fmt: skip
        said = f"segment {segment}: the same member also stands at segment {before}; they are applied in this order"
        return [said] if before else []

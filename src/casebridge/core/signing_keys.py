"""The keys we sign in with at partners' servers (SMART Backend Services): one set per partner and environment.

A set is a folder: ``ring.json`` with the public parts and what each key is for, and one private key per file, which
its owner alone may read. Nothing of it stands in casebridge.toml, and whoever publishes never opens a private key.

A key is changed in three steps, so that the partner knows the new one before it is used and the old one as long as
something signed with it may be on its way: *next* is published beside the one in use, then it is *current* and the
other *old*, then the old one is withdrawn.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from casebridge.core.errors import SetupError

FOLDER = "signing-keys"
"""Beside casebridge.toml."""
ENVIRONMENTS = ("prod", "test")
ALGORITHMS = ("RS384", "ES384")
"""The two that SMART App Launch 2.2 names for client authentication: RSA, or an elliptic curve (P-384)."""
RSA_BITS = 3072
PUBLISHED_FIRST = timedelta(days=1)
"""How long a new key is published before it is used: partners keep what they have read for hours."""
KEPT_AFTER = timedelta(days=1)
"""How long the old one stays published after that."""
_READABLE = "Make keys as the account that runs casebridge: it alone may read them. A lost key is made anew."
_PUBLIC = ("kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key's public side. ``since``: when it became what ``state`` says (aware)."""

    kid: str
    alg: str
    state: Literal["next", "current", "old"]
    since: datetime
    public: Mapping[str, Any]

    @property
    def due(self) -> datetime | None:
        """When the next step with it may be taken; None while there is none to take."""
        wait = {"next": PUBLISHED_FIRST, "old": KEPT_AFTER}.get(self.state)
        return None if wait is None else self.since + wait


class SigningKeys:
    """The set of one partner in one environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, base: Path, partner: str, environment: str) -> Self:
        """The set below ``base``, the folder of casebridge.toml; SetupError CB-101 for a name no folder can have."""
        if not _NAME.fullmatch(partner) or environment not in ENVIRONMENTS:
            remedy = "Name the partner with letters, digits, - and _ in casebridge.toml."
            raise SetupError("CB-101", f"partner.{partner}: no folder and no address can have this name", remedy=remedy)
        return cls(base / FOLDER / f"{partner}.{environment}")

    def listed(self) -> tuple[SigningKey, ...]:
        """Every key, the newest first; none where no key was made. SetupError CB-113 when the list is unreadable."""
        try:
            rows = json.loads((self._folder / "ring.json").read_text(encoding="utf-8"))["keys"]
            return tuple(SigningKey(**{**row, "since": datetime.fromisoformat(row["since"])}) for row in rows)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as e:
            file = self._folder / "ring.json"
            raise SetupError("CB-113", f"{file} cannot be read ({type(e).__name__})", remedy=_READABLE) from None

    def published(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set (RFC 7517) for the partner: public members only, whatever else stands in the list."""
        return {"keys": [{name: key.public[name] for name in _PUBLIC if name in key.public} for key in self.listed()]}

    def one(self, state: str) -> SigningKey | None:
        """The key that is ``next``, ``current`` or ``old``, if there is one."""
        return next((key for key in self.listed() if key.state == state), None)

    def private(self, key: SigningKey) -> bytes:
        """The private key as PEM (PKCS #8); SetupError CB-113 when it is not there, CB-145 when others may use it."""
        path = self._pem(key)
        try:
            mode = path.stat().st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SetupError("CB-145", f"{path} is a private key and others may use it: chmod 600 {path}")
            return path.read_bytes()
        except OSError as e:
            raise SetupError("CB-113", f"{path} cannot be read ({e.strerror})", remedy=_READABLE) from None

    def make(self, alg: str, now: datetime) -> SigningKey:
        """A new key: in use at once where there is none yet, else published beside the one in use."""
        with self._alone():
            keys = self.listed()
            if any(key.state == "next" for key in keys):
                raise SetupError("CB-113", "a new key waits already", remedy="Use it first: casebridge keys rotate.")
            key, pem = _generated(alg, "next" if keys else "current", now)
            _write(self._pem(key), pem, 0o600)
            self._keep((key, *keys))
        return key

    def use(self, now: datetime) -> SigningKey:
        """The key that waited is used from now on; SetupError CB-113 when none waits."""
        with self._alone():
            if self.one("next") is None:
                raise SetupError("CB-113", "no new key waits to be used")
            moved: dict[str, Literal["current", "old"]] = {"next": "current", "current": "old"}
            gone = self.one("old")
            keys = [replace(key, state=moved[key.state], since=now) for key in self.listed() if key.state in moved]
            self._keep(keys)
            if gone:
                self._pem(gone).unlink(missing_ok=True)
        return keys[0]

    def withdraw(self, key: SigningKey) -> None:
        """``key`` is published no longer, and its private file is gone."""
        with self._alone():
            self._keep([each for each in self.listed() if each.kid != key.kid])
            self._pem(key).unlink(missing_ok=True)

    def _pem(self, key: SigningKey) -> Path:
        return self._folder / f"{key.kid}.pem"

    def _keep(self, keys: Iterable[SigningKey]) -> None:
        rows = [{**asdict(key), "since": key.since.isoformat()} for key in keys]
        _write(self._folder / "ring.json", json.dumps({"keys": rows}, indent=1).encode(), 0o644)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands at once take their turns."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _generated(alg: str, state: Literal["next", "current"], now: datetime) -> tuple[SigningKey, bytes]:
    """A fresh pair, named by its thumbprint (RFC 7638)."""
    from joserfc.jwk import ECKey, RSAKey  # only who makes keys or signs pays for loading it

    key = RSAKey.generate_key(RSA_BITS) if alg == "RS384" else ECKey.generate_key("P-384")
    kid = key.thumbprint()
    own = {"kid": kid, "use": "sig", "alg": alg, "key_ops": ["verify"]}
    public = {**own, **key.as_dict(private=False)}
    return SigningKey(kid, alg, state, now, public), key.as_pem(private=True)


def _write(path: Path, data: bytes, mode: int) -> None:
    """The whole file or none of it, with these rights from its first byte on, and there after a power cut."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

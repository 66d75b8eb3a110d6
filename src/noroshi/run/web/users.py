"""Who may look, as whom, and who may decide."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noroshi.run.edges import EdgeError

VIEWER, OPERATOR = "viewer", "operator"
ROLES = (VIEWER, OPERATOR)
SESSION_S = 12 * 3600.0
SESSIONS_MAX = 1_000
COOKIE = "noroshi"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who looks.

    Attributes:
        name: as others are told; empty for who sits at this machine.
        role: `VIEWER` or `OPERATOR`.
        nation: whose picture is theirs.
        view_as: the nations as which they may look beside it.
        duty: which part they play in an exercise, a `command.transitions.Role`; empty: none.
    """

    name: str
    role: str
    nation: str
    view_as: tuple[str, ...] = ()
    duty: str = ""

    def may_see(self, view: str) -> bool:
        """Return whether a view is theirs to look at."""
        return view == self.nation or view in self.view_as


class Users:
    """The people who may look, by their tokens, and their sessions.

    Args:
        tokens: user by token; none: nobody has to say who they are.
        anybody: who looks where nobody has to say so.
        now_s: a clock that does not run backwards.
    """

    def __init__(self, tokens: Mapping[str, User], anybody: User, now_s: Callable[[], float]) -> None:
        if "" in tokens:
            raise EdgeError("each token is somebody's and not empty")
        self._users = {_digest(token): user for token, user in tokens.items()}
        self._anybody, self._now_s = anybody, now_s
        self._sessions: dict[bytes, tuple[User, float]] = {}

    @property
    def are_named(self) -> bool:
        """Whether people have to say who they are."""
        return bool(self._users)

    def everybody(self) -> Sequence[User]:
        """Return all that may look."""
        return list(self._users.values()) or [self._anybody]

    def login(self, token: str) -> str | None:
        """Return the secret of a new session, None if nobody has this token."""
        user = self._users.get(_digest(token))
        if user is None:
            return None
        now_s = self._now_s()
        self._sessions = {key: one for key, one in self._sessions.items() if one[1] > now_s}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = user, now_s + SESSION_S
        return session

    def logout(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(session), None)

    def of(self, session: str | None) -> User | None:
        """Return whose session it is; None if nobody's."""
        if not self._users:
            return self._anybody
        user, until_s = self._sessions.get(_digest(session or ""), (None, 0.0))
        return user if until_s > self._now_s() else None


def users_of(said: Sequence[Mapping[str, Any]], viewers: Mapping[str, str]) -> dict[str, User]:
    """Return users by token.

    Args:
        said: tables with `name`, `token`, `nation`, and if wanted `role` and `view_as`.
        viewers: nation by token, of the same file: who has one of these may look.

    Raises:
        EdgeError: if they are something else.
    """
    found = {token: User(name=nation, role=VIEWER, nation=nation) for token, nation in viewers.items()}
    for one in said:
        table = dict(one)
        try:
            token = table.pop("token")
            user = User(**{"role": VIEWER, **table, "view_as": tuple(table.pop("view_as", ()))})
        except (KeyError, TypeError) as error:
            raise EdgeError("a user has name, token, nation, and if wanted role and view_as") from error
        texts = (token, user.name, user.nation, *user.view_as)
        if user.role not in ROLES or not all(isinstance(text, str) and text for text in texts) or token in found:
            raise EdgeError(f"user '{user.name}': role is one of {', '.join(ROLES)}, and each token is one person's")
        found[token] = user
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()

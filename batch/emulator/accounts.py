"""Access keys and the accounts behind them: who is calling, and what they may do."""

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.signing import read_credential, verify
from batch.emulator.tables import SettingsError

AccountState = Literal["ok", "arrears", "not_open"]
_FIRST_USER_ID = 1_000_000_000_000_000
_STATE_REFUSALS = {"arrears": "account_in_arrears", "not_open": "account_not_open"}


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key of an account. With ``security_token`` it is a temporary (STS) key.

    ``actions`` are RAM actions (``*``, ``vod:*``, ``vod:SubmitAIJob`` or plain ``SubmitAIJob``);
    ``security_token_expires_at`` is ISO 8601 with an offset, empty for never.
    """

    id: str
    secret: str
    account: str = "default"
    security_token: str = ""
    security_token_expires_at: str = ""
    status: Literal["active", "inactive"] = "active"
    actions: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        """Refuse a time that could not be compared later."""
        if self.security_token_expires_at and self.expires_at is None:
            raise SettingsError("security_token_expires_at must be ISO 8601 with an offset")

    @property
    def expires_at(self) -> float | None:
        """When the security token ends, in seconds since 1970; ``None`` for never."""
        try:
            moment = datetime.fromisoformat(self.security_token_expires_at)
        except ValueError:
            return None
        return moment.timestamp() if moment.tzinfo else None

    def may_call(self, action: str) -> bool:
        """Say whether RAM lets this key call ``action``."""
        return any(granted in self.actions for granted in ("*", "vod:*", f"vod:{action}", action))

    def may_use(self, region: str) -> bool:
        """Say whether this key may be used in ``region``."""
        return "*" in self.regions or region in self.regions


DEFAULT_KEY = AccessKey(id="testid", secret="testsecret")  # noqa: S106  (the stand-in's own key)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What authentication found: a key, or the refusal to answer with."""

    key: AccessKey | None
    refused: Refused | None = None


class KeyRing:
    """All access keys and the state of their accounts; both can be changed while running."""

    def __init__(
        self,
        keys: tuple[AccessKey, ...],
        states: dict[str, AccountState],
        user_ids: dict[str, int],
    ) -> None:
        self._keys = {key.id: key for key in (DEFAULT_KEY, *keys)}
        self.states = dict(states)
        self._user_ids = user_ids

    def put(self, key: AccessKey) -> None:
        """Add ``key``, or replace the key with that id (a rotated STS key, for one)."""
        self._keys[key.id] = key

    def user_id(self, account: str) -> int:
        """Return the UserId of an account (``vod-api.md`` 2.2): as set, or made from its name."""
        known = self._user_ids.get(account)
        return _FIRST_USER_ID + zlib.crc32(account.encode()) if known is None else known

    def authenticate(self, call: Call, wall: float) -> Verdict:
        """Find the key and verify the signature; ``wall`` is the time in seconds since 1970."""
        try:
            signed_headers, signature = read_credential(call)
            key = self._find(call.access_key_id)
            verify(call, signed_headers, signature, key.secret)
            _check_security_token(call, key, wall)
        except Refused as refused:
            return Verdict(None, refused)
        return Verdict(key)

    def check_permission(self, key: AccessKey, action: str, region: str) -> None:
        """Refuse what RAM does not grant (``vod-api.md`` 5.2)."""
        if not key.may_use(region):
            raise Refused("forbidden_region")
        if not key.may_call(action):
            raise Refused("forbidden_action", access_denied=_access_denied_detail(key, action))

    def check_state(self, account: str) -> None:
        """Refuse an account in arrears, or one that never opened the service."""
        if (state := self.states.get(account, "ok")) != "ok":
            raise Refused(_STATE_REFUSALS[state])

    def _find(self, access_key_id: str) -> AccessKey:
        key = self._keys.get(access_key_id)
        if key is None:
            raise Refused("unknown_access_key")
        if key.status == "inactive":
            raise Refused("inactive_access_key")
        return key


def _check_security_token(call: Call, key: AccessKey, wall: float) -> None:
    if call.security_token != key.security_token:
        raise Refused("wrong_security_token")
    if key.security_token and (ends := key.expires_at) is not None and wall >= ends:
        raise Refused("wrong_security_token")


def _access_denied_detail(key: AccessKey, action: str) -> dict[str, str]:
    return {
        "AuthAction": f"vod:{action}",
        "AuthPrincipalDisplayName": key.id,
        "AuthPrincipalOwnerId": key.account,
        "AuthPrincipalType": "SubUser",
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }

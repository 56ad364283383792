"""Access keys and the accounts behind them: who is calling, and what they may do."""

import zlib

from batch.emulator.call import Call
from batch.emulator.refusals import Refused
from batch.emulator.settings import AccessKey, Settings
from batch.emulator.signature import read_credential, verify

_FIRST_USER_ID = 1_000_000_000_000_000
DEFAULT_KEY = AccessKey(id="testid", secret="testsecret")  # noqa: S106  (the stand-in's own key)


class KeyRing:
    """All access keys and the state of their accounts; both can be changed while running."""

    def __init__(self, settings: Settings) -> None:
        self._keys = {key.id: key for key in (DEFAULT_KEY, *settings.access_keys)}
        self._user_ids = settings.user_ids
        self.states = dict(settings.accounts)

    def put(self, key: AccessKey) -> None:
        """Add ``key``, or replace the key with that id (a rotated STS key, for one)."""
        self._keys[key.id] = key

    def user_id(self, account: str) -> int:
        """Return the UserId of an account (``vod-api.md`` 2.2): as set, or made from its name."""
        known = self._user_ids.get(account)
        return _FIRST_USER_ID + zlib.crc32(account.encode()) if known is None else known

    def authenticate(self, call: Call, wall: float) -> None:
        """Set the call's key if its signature is right, else the refusal to answer with.

        ``wall`` is the time in seconds since 1970.
        """
        try:
            signed_headers, signature = read_credential(call)
            key = self._keys.get(call.access_key_id)
            if key is None or key.status == "inactive":
                raise Refused("inactive_access_key" if key else "unknown_access_key")
            verify(call, signed_headers, signature, key.secret)
            ends = key.security_token_expires_at
            if call.security_token != key.security_token or (ends and wall >= ends.timestamp()):
                raise Refused("wrong_security_token")
            call.key = key
        except Refused as refused:
            call.refused = refused

    def check_permission(self, key: AccessKey, action: str, region: str) -> None:
        """Refuse what RAM does not grant (``vod-api.md`` 5.2)."""
        if not {"*", region}.intersection(key.regions):
            raise Refused("forbidden_region")
        if not {"*", "vod:*", f"vod:{action}", action}.intersection(key.actions):
            detail = {
                "AuthAction": f"vod:{action}",
                "AuthPrincipalDisplayName": key.id,
                "AuthPrincipalOwnerId": key.account,
                "AuthPrincipalType": "SubUser",
                "NoPermissionType": "ImplicitDeny",
                "PolicyType": "AccountLevelIdentityBasedPolicy",
            }
            raise Refused("forbidden_action", AccessDeniedDetail=detail)

    def check_state(self, account: str) -> None:
        """Refuse an account in arrears, or one that never opened the service."""
        if (state := self.states.get(account, "ok")) != "ok":
            raise Refused("account_in_arrears" if state == "arrears" else "account_not_open")

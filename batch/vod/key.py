"""A key to sign with."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key to sign with. The repr shows neither secret nor token.

    ``expires_at`` (UTC) is when a temporary key ends, where its source says so.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    provider: str = "static_ak"
    expires_at: datetime | None = field(default=None, repr=False)

    def signs_as(self, other: "Credentials") -> bool:
        """Return whether both make the same signatures."""
        return (self.access_key_id, self.access_key_secret, self.security_token) == (
            other.access_key_id,
            other.access_key_secret,
            other.security_token,
        )

"""The cloud's error codes: which of them say what (``vod-api.md`` 5.2).

Codes are compared without case. Those of sister products are here too, since VOD may answer alike;
a code in none of these tables is unknown, and an unknown code proves nothing.
"""

import re
from enum import Enum, auto

from batch.core.outcome import StopCause


class Meaning(Enum):
    """What a code says, in the order in which it is asked."""

    SEEN_BEFORE = auto()
    """The gateway knows the nonce: an earlier copy of the request arrived."""
    TROUBLE = auto()
    """The server's own trouble: it may have carried the request out."""
    THROTTLED = auto()
    """Refused before execution because of the rate."""
    ACCOUNT = auto()
    """The account, the key, the clock or the endpoint is refused."""
    REFUSED = auto()
    """This one request is refused for good: no job exists."""
    UNKNOWN = auto()


def meaning_of(code: str) -> Meaning:
    """Return what ``code`` says.

    Trouble comes first: a code that names it is no refusal, whatever else it says.
    """
    folded = code.strip().lower()
    letters = re.sub(r"[^a-z0-9]", "", folded)
    if in_family(folded, "signaturenonceused"):
        return Meaning.SEEN_BEFORE
    if letters in _TROUBLE_EXACTLY or _holds(letters, _TROUBLE):
        return Meaning.TROUBLE
    names_a_parameter = folded.startswith(_PARAMETER_PREFIXES) or _holds(letters, _NOT_THERE)
    if _holds(letters, _THROTTLING) and not names_a_parameter:
        return Meaning.THROTTLED
    if stop_cause(folded) is not None:
        return Meaning.ACCOUNT
    if _is_refusal(folded):
        return Meaning.REFUSED
    return Meaning.UNKNOWN


def in_family(code: str, family: str) -> bool:
    """Return whether ``code`` (any case) is ``family`` (lower case) or under it, ``family.*``."""
    folded = code.lower()
    return folded == family or folded.startswith(family + ".")


def stop_cause(code: str) -> StopCause | None:
    """Return why ``code`` (any case) stops the whole account; None when it does not."""
    folded = code.lower()
    if (cause := _STOPPING_EXACTLY.get(folded)) is not None:
        return cause
    return next(
        (cause for family, cause in _STOPPING_FAMILIES.items() if in_family(folded, family)), None
    )


_TROUBLE = (
    "timeout", "timedout", "deadlineexceeded", "internal", "unavailable", "busy", "overload",
    "unknownerror", "unknownexception", "unknownfailure", "servererror", "serverexception",
    "serverfail", "serviceerror", "serviceexception", "servicefail", "systemerror",
    "systemexception", "systemfail", "backenderror", "gatewayerror", "badgateway",
    "tryagain", "retrylater", "temporar",
)  # fmt: skip
"""Word stems for the server's own trouble, without the dots and dashes between them."""

_TROUBLE_EXACTLY = frozenset({"unknown", "error", "failure", "exception", "undefined", "null"})

_THROTTLING = (
    "throttl", "toofrequent", "toofast", "flowcontrol", "trafficcontrol", "ratecontrol",
    "toomanyrequest", "toomanycall", "ratelimit", "requestlimit", "frequencylimit", "qpslimit",
    "qpsexceed", "concurrencylimit", "concurrentlimit", "requestsexceed", "slowdown",
)  # fmt: skip
"""Word stems of throttling. A quota of things (``QuotaExceeded``) is not one of requests."""

_PARAMETER_PREFIXES = ("invalid", "missing", "unsupported", "illegal", "nosuch")
_NOT_THERE = ("notfound", "notexist", "notsupport")
"""What makes ``InvalidRateLimit`` or ``ThrottlingPolicy.NotFound`` a refusal, and no throttling."""

_STOPPING_FAMILIES = {
    "nopermission": StopCause.PERMISSION,
    "forbidden.ram": StopCause.PERMISSION,
    "forbidden.nopermission": StopCause.PERMISSION,
    "accessdenied": StopCause.PERMISSION,
    "unauthorized": StopCause.PERMISSION,
    "notauthorized": StopCause.PERMISSION,
    "forbidden.riskcontrol": StopCause.RISK_CONTROL,
    "operationdenied.suspended": StopCause.ARREARS,
    "insufficientbalance": StopCause.ARREARS,
    "notenoughbalance": StopCause.ARREARS,
    "inarrears": StopCause.ARREARS,
    "overdue": StopCause.ARREARS,
    "account.arrearage": StopCause.ARREARS,
    "invalidaccesskeyid": StopCause.CREDENTIALS,
    "invalidaccesskeysecret": StopCause.CREDENTIALS,
    "signaturedoesnotmatch": StopCause.CREDENTIALS,
    "invalidsecuritytoken": StopCause.CREDENTIALS,
    "incompletesignature": StopCause.CREDENTIALS,
    "missingsecuritytoken": StopCause.CREDENTIALS,
    "missingaccesskeyid": StopCause.CREDENTIALS,
    "invalidtimestamp": StopCause.CLOCK,
    "illegaltimestamp": StopCause.CLOCK,
    "invalidapi.notfound": StopCause.ENDPOINT,
    "invalidaction": StopCause.ENDPOINT,
    "invalidversion": StopCause.ENDPOINT,
    "unsupportedhttpmethod": StopCause.ENDPOINT,
    "invalidsignaturemethod": StopCause.ENDPOINT,
}
"""Codes (with everything under them, ``X.*``) that stop the account."""

_STOPPING_EXACTLY = {
    # Forbidden.IllegalStatus and the like are about one media, so the bare words only.
    "operationdenied": StopCause.NOT_ACTIVE,
    "forbidden": StopCause.PERMISSION,
}

_REFUSING_FAMILIES = (
    "missingparameter",
    "invalidparameter",
    "invalidvideo.notfound",
    "nosuchresource",
    "forbidden.illegalstatus",
)
"""Codes documented for one request or one media."""

_REFUSING_PATTERN = re.compile(
    # {Missing,Invalid}{ParameterName}: the parameters that we send.
    r"(missing|invalid)(mediaid|types?|config|userdata|action|version)(\..*)?"
)


def _is_refusal(folded: str) -> bool:
    is_documented = any(in_family(folded, family) for family in _REFUSING_FAMILIES)
    return is_documented or _REFUSING_PATTERN.fullmatch(folded) is not None


def _holds(letters: str, stems: tuple[str, ...]) -> bool:
    return any(stem in letters for stem in stems)

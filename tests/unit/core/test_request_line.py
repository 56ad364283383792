"""How long a request line will be is told before it is made, to the byte."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.core.request_line import LONGEST_LINE, line_bytes, too_long_by
from batch.vod.credentials import Credentials
from batch.vod.signing import sign
from batch.vod.wire import SUBMIT, submit_params

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Credentials("testid", "testsecret")
BOTH = tuple(ClaimedSubmission(n, 1, one, 0) for n, one in enumerate(JobType))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def line_of(claim: Claim) -> str:
    """Return the request line as it goes on the wire."""
    signed = sign(
        SUBMIT, submit_params(claim), nonce=claim.nonce, signed_at=AT, credentials=KEY, host="h"
    )
    return f"{signed.method} {signed.target} HTTP/1.1"


@given(config=st.none() | TEXTS, user_data=st.none() | TEXTS)
def test_the_length_is_that_of_the_signed_request(
    config: str | None, user_data: str | None
) -> None:
    claim = Claim("m", config, user_data, "0" * 32, AT, BOTH)
    assert line_bytes(submit_params(claim)) == len(line_of(claim))


@pytest.mark.parametrize("sign_of", ["x", '"', "中", "~"])
def test_a_line_of_just_the_limit_is_allowed(sign_of: str) -> None:
    """Whatever it holds: the limit counts what is sent, not what is written."""

    def over(size: int) -> int:
        return too_long_by("m" * 64, JobType, sign_of * size, None)

    size = next(n for n in range(LONGEST_LINE) if over(n)) - 1
    claim = Claim("m" * 64, sign_of * size, None, "0" * 32, AT, BOTH)
    wide = len(line_of(Claim("m" * 64, sign_of, None, "0" * 32, AT, BOTH))) - len(
        line_of(Claim("m" * 64, "", None, "0" * 32, AT, BOTH))
    )
    assert LONGEST_LINE - wide < len(line_of(claim)) <= LONGEST_LINE
    assert over(size + 1) == len(line_of(claim)) + wide - LONGEST_LINE

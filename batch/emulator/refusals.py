"""Every refusal the emulator can give by itself, by the name of the situation."""

from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator

from batch.emulator.models import Model

# situation, HTTP status, code, message; ``{name}`` is filled in when refusing. From vod-api.md 5.2;
# where tables disagree or nothing is documented the entry is a guess. A settings table
# [refusals.<situation>] changes it.
_TABLE = """
unsupported_method       400 UnsupportedHTTPMethod        This HTTP method is not supported.
unknown_api              404 InvalidApi.NotFound          Specified api is not found, please check your url and method.
missing                  400 Missing{name}                {name} is mandatory for this action.
invalid_signature_method 400 InvalidSignatureMethod       Specified signature method is not valid.
unknown_access_key       404 InvalidAccessKeyId.NotFound  Specified access key is not found.
inactive_access_key      400 InvalidAccessKeyId.Inactive  Specified access key is disabled.
wrong_security_token     400 InvalidSecurityToken.Expired Specified SecurityToken is expired.
wrong_signature          400 SignatureDoesNotMatch        Specified signature is not matched with our calculation. {name}
malformed_timestamp      400 InvalidTimeStamp.Format      Specified time stamp or date value is not well formatted.
expired_timestamp        400 InvalidTimeStamp.Expired     Specified time stamp or date value is expired.
used_nonce               400 SignatureNonceUsed           Specified signature nonce was used already.
forbidden_action         403 Forbidden.RAM                User not authorized to operate on the specified resource.
forbidden_region         403 Forbidden                    User not authorized to operate on the specified resource.
account_not_open         403 OperationDenied              Your account does not open VOD service yet.
account_in_arrears       403 OperationDenied.Suspended    Your VOD service has been suspended.
throttled                400 Throttling.User              Request was denied due to user flow control.
missing_media_id         400 MissingMediaId               MediaId is mandatory for this action.
missing_types            400 MissingTypes                 Types is mandatory for this action.
missing_job_ids          400 MissingJobIds                JobIds is mandatory for this action.
missing_job_id           400 MissingJobId                 JobId is mandatory for this action.
missing_job_type         400 MissingJobType               JobType is mandatory for this action.
missing_video_ids        400 MissingVideoIds              VideoIds is mandatory for this action.
unknown_media            404 InvalidVideo.NotFound        The video does not exist.
illegal_status           400 Forbidden.IllegalStatus      Status of the video is illegal: {name}.
unknown_job              404 NoSuchResource               The specified resource {name} does not exist.
no_result                404 NoSuchResource               The video has no result of this kind.
unknown_job_type         400 InvalidParameter             The parameter JobType is invalid: {name}.
unknown_type             400 InvalidParameter             The parameter Types is invalid: {name}.
type_not_offered         400 InvalidParameter             The AI type {name} is not available in this region.
type_not_active          403 OperationDenied              Your account has not activated the AI service {name}.
invalid_config           400 InvalidParameter             The parameter Config is invalid: {name}.
invalid_user_data        400 InvalidParameter             The parameter UserData is invalid: {name}.
too_many_job_ids         400 InvalidParameter             The parameter JobIds holds more than {name} ids.
too_many_video_ids       400 InvalidParameter             The parameter VideoIds holds more than {name} ids.
invalid_search           400 InvalidParameter             The parameter {name} is invalid.
page_too_far             400 InvalidParameter             The page is too far: {name}.
duplicate_job            400 InvalidParameter             A job of this media and type is still running: {name}.
internal_error           500 InternalError                The request processing has failed due to some unknown error.
service_unavailable      503 ServiceUnavailable           The request has failed due to a temporary failure of the server.
"""  # noqa: E501


class Refusal(NamedTuple):
    """An error answer; ``status`` is the HTTP status."""

    status: int
    code: str
    message: str


def _entry(line: str) -> tuple[str, Refusal]:
    situation, status, code, message = line.split(maxsplit=3)
    return situation, Refusal(int(status), code, message)


REFUSALS = dict(map(_entry, _TABLE.strip().splitlines()))


class RefusalChange(Model):
    """What a settings table [refusals.<name>] changes of an entry."""

    code: str | None = None
    status: int | None = None
    message: str | None = None

    def of(self, refusal: Refusal) -> Refusal:
        """Return ``refusal`` with what is set here."""
        return refusal._replace(**self.model_dump(exclude_none=True))


def _check_situation(name: str) -> str:
    if name not in REFUSALS:
        raise ValueError(f"unknown refusal {name!r}; known: {', '.join(REFUSALS)}")
    return name


RefusalChanges = dict[Annotated[str, AfterValidator(_check_situation)], RefusalChange]


class Refused(Exception):  # noqa: N818  (a refusal is an answer, not a mistake of the program)
    """The call is refused, as an entry of :data:`REFUSALS` words it, with more ``fields``."""

    def __init__(self, situation: str, name: str = "", **fields: Any) -> None:
        super().__init__(situation, name)
        self.situation = situation
        self.name = name
        self.fields = fields

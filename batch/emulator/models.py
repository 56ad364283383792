"""What all tables of TOML and JSON have in common: strict models, and mistakes that are named."""

import difflib
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

T = TypeVar("T")

JobType = Literal["AIMediaDNA", "AIVideoTag"]
MEDIA_DNA: JobType = "AIMediaDNA"
VIDEO_TAG: JobType = "AIVideoTag"

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Moment = Annotated[AwareDatetime, Field(strict=False)]


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type, or out of range; the message names it."""


class Model(BaseModel):
    """A table: text is no number, a number no text, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, table: Any) -> Any:
        known = list(cls.model_fields)
        for key in table if isinstance(table, dict) else ():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                advice = f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
                raise PydanticCustomError("unknown", "{advice}", {"key": key, "advice": advice})
        return table


def checked(kind: type[T], value: object, where: str = "") -> T:
    """Return ``value`` as a ``kind``; ``where`` stands before the names of settings in errors.

    Raises:
        SettingsError: it is none.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise SettingsError(_describe(error.errors()[0], where)) from None


def _describe(mistake: ErrorDetails, where: str) -> str:
    path = where
    for step in mistake["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    path = path.removesuffix(".[key]").lstrip(".")
    match mistake["type"]:
        case "unknown":
            key = f"{path}.{mistake['ctx']['key']}".lstrip(".")
            return f"unknown setting {key!r}{mistake['msg']}"
        case "missing":
            return f"{path} must be given"
        case "value_error":
            return f"{path or 'settings'}: {mistake['ctx']['error']}"
        case "model_type" | "dict_type":
            return f"{path or 'settings'} must be a table, not {mistake['input']!r}"
        case _:
            expected = mistake["msg"].partition("should ")[2] or mistake["msg"]
            return f"{path} must {expected}, not {mistake['input']!r}"

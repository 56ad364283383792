"""An account that the cloud refuses, as the error that ends a command."""

from batch.core.outcome import AccountStopped
from batch.errors import (
    AccountStoppedError,
    ConfigurationError,
    ExitCode,
    PermissionRefusedError,
    VodBatchError,
)

_ERRORS: dict[ExitCode, type[VodBatchError]] = {
    ExitCode.PERMISSION: PermissionRefusedError,
    ExitCode.CONFIGURATION: ConfigurationError,
}


def account_error(outcome: AccountStopped) -> VodBatchError:
    """Return the error whose exit code is that of ``outcome``."""
    error = _ERRORS.get(outcome.exit_code, AccountStoppedError)(
        f"the cloud refuses the account ({outcome.cause}): {outcome.code} {outcome.message}; "
        "run: vod-batch doctor"
    )
    error.cause = outcome.cause.value
    return error

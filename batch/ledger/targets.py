"""Targets: an account in a region, tied at its first call to the cloud or to a stand-in."""

from batch.core.models import Target
from batch.errors import ConfigurationError
from batch.ledger.database import Database

_SERVICES = {"cloud": "the cloud", "stand-in": "a stand-in (an emulator or a test server)"}


async def open_target(database: Database, account: str, region: str) -> Target:
    """Return a target, which is made on first use."""
    # Who only looks may not write, so the row is looked for before it is made.
    if found := await find_target(database, account, region):
        return found
    row = await database.fetch_row("open_target", account, region)
    assert row is not None
    return Target(row["id"], row["account"], row["region"])


async def find_target(database: Database, account: str, region: str) -> Target | None:
    """Return a target that was used before."""
    row = await database.fetch_row("find_target", account, region)
    return Target(row["id"], row["account"], row["region"]) if row else None


async def bound_service(database: Database, target: Target) -> str | None:
    """Return what the target's calls have gone to, ``cloud`` or ``stand-in``; ``None`` before."""
    row = await database.fetch_row("target_facts", target.id)
    return row["service"] if row else None


async def bind_service(database: Database, target: Target, service: str) -> None:
    """Tie the target to the kind of server that its first call goes to.

    Raises:
        ConfigurationError: its earlier calls went to the other kind.
    """
    row = await database.fetch_row("bind_service", target.id, service)
    assert row is not None
    _insist(target, row["service"], service)


async def check_service(database: Database, target: Target, service: str) -> None:
    """See that what the ledger knows of the target came of such a server; nothing is tied.

    Raises:
        ConfigurationError: its calls went to the other kind.
    """
    _insist(target, await bound_service(database, target) or service, service)


def _insist(target: Target, bound: str, service: str) -> None:
    if bound != service:
        raise ConfigurationError(
            f"target {target.account}/{target.region} has been submitted to "
            f"{_SERVICES[bound]}, and this command would go to {_SERVICES[service]}; "
            "check VOD_BATCH_ENDPOINT, or name another target with --account"
        )

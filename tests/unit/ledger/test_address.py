"""The URL of a PostgreSQL as people paste it: each key is used, or refused by name."""

import pytest

from batch.errors import ConfigurationError
from batch.ledger.connecting.address import LineOptions, read_address

BASE = "postgresql://u:p@db.example:5432/vod"


def test_a_plain_url_stays_as_it_is() -> None:
    """Nothing is added to it."""
    address = read_address(BASE)
    assert address.url == BASE
    assert address.connect_seconds == 10.0
    assert address.line == LineOptions()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@%2Ftmp%2Fsockets/vod",
        "postgresql://u@one:5432,two:5433/vod?target_session_attrs=read-write",
        "postgresql:///vod?host=%2Ftmp%2Fsockets&port=6000",
        "postgres://u:p%40ss@[::1]:5432/vod?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
        "postgresql://u@h/vod?options=endpoint%3Dquiet-sea",
    ],
)
def test_what_the_driver_knows_goes_to_it(url: str) -> None:
    """Hosts, sockets and certificates are the driver's."""
    assert read_address(url).url == url


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (BASE, (BASE,)),
        ("postgresql:///vod", ("postgresql:///vod",)),
        ("postgresql://u:p@a:1,b:2/vod", ("postgresql://u:p@a:1/vod", "postgresql://u:p@b:2/vod")),
        (
            "postgresql:///vod?host=%2Fa,%2Fb&port=5433",
            ("postgresql:///vod?host=%2Fa&port=5433", "postgresql:///vod?host=%2Fb&port=5433"),
        ),
        (
            "postgresql:///vod?host=a,b&port=1,2",
            ("postgresql:///vod?host=a&port=1", "postgresql:///vod?host=b&port=2"),
        ),
    ],
)
def test_each_host_has_its_own_time(url: str, hosts: tuple[str, ...]) -> None:
    """One that is silent does not take the time of the others."""
    assert read_address(url).hosts == hosts


def test_what_libpq_does_itself_we_do() -> None:
    """Keys that a server would refuse as settings."""
    address = read_address(
        f"{BASE}?connect_timeout=3&keepalives=1&keepalives_idle=60&keepalives_interval=7"
        "&keepalives_count=9&tcp_user_timeout=4500&application_name=mine&sslmode=require"
        "&channel_binding=prefer&client_encoding=UTF8"
    )
    assert address.url == f"{BASE}?sslmode=require"
    assert address.connect_seconds == 3.0
    assert address.line == LineOptions(idle=60, interval=7, probes=9, silence=4.5)


@pytest.mark.parametrize("text", ["0", "-1", ""])
def test_no_limit_is_still_ours(text: str) -> None:
    """A connection that may take for ever would make a night last for ever."""
    assert read_address(f"{BASE}?connect_timeout={text}").connect_seconds == 10.0


def test_probes_may_be_off() -> None:
    """Where a person says so."""
    assert not read_address(f"{BASE}?keepalives=0").line.is_probed


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sslmod=require", "'sslmod'; did you mean sslmode?"),
        ("statement_timeout=5s", "'statement_timeout'"),
        ("channel_binding=require", "channel_binding=require"),
        ("client_encoding=latin1", "client_encoding=latin1"),
        ("connect_timeout=soon", "connect_timeout=soon is not a whole number"),
        ("connect_timeout=99999999999", "out of range"),
        ("nothing", "cannot be read"),
    ],
)
def test_what_means_nothing_here_is_named(query: str, told: str) -> None:
    """With the key, and without the password."""
    with pytest.raises(ConfigurationError) as caught:
        read_address(f"{BASE}?{query}")
    assert told in str(caught.value)
    assert "u:p@" not in str(caught.value)


def test_what_is_no_url_is_said() -> None:
    """With how to write one."""
    with pytest.raises(ConfigurationError, match=r"URL cannot be read.*postgresql://user"):
        read_address("postgresql://[::1/vod")

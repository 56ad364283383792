"""Settings: three sources, one order, and messages that name the culprit."""

import os
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from batch.core.models import JobType
from batch.errors import ConfigurationError, UsageError
from batch.settings import is_loopback_host, load_channels, load_settings, parse_duration


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the folder of whoever runs the tests has a say."""
    for name in list(os.environ):
        if name.startswith("VOD_BATCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def _write(text: str, name: str = "vod-batch.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_flag_beats_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source counts where the stronger ones are silent."""
    _write('qps = 1\nconcurrency = 1\npriority = 1\ncampaign = "file"')
    monkeypatch.setenv("VOD_BATCH_QPS", "2")
    monkeypatch.setenv("VOD_BATCH_CONCURRENCY", "2")
    settings = load_settings(qps=3, concurrency=None)
    assert (settings.qps, settings.concurrency, settings.priority) == (3, 2, 1)
    assert settings.campaign == "file"
    assert settings.region == "cn-shanghai"


@pytest.mark.parametrize("key", ["max_submissions", "max-submissions", "VOD_BATCH_MAX_SUBMISSIONS"])
def test_the_file_takes_a_key_in_each_of_its_spellings(key: str) -> None:
    """Dashes and the environment's name mean the same setting."""
    _write(f"{key} = 7")
    assert load_settings().max_submissions == 7


def test_channels_are_read_beside_settings_that_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, mail as a whole, the strongest source first; what is off is unset."""
    _write('qps = "many"\nbugdet = 3\nmail_from = "a@b.example"\nmail_to = "c@d.example"')
    monkeypatch.setenv("VOD_BATCH_SMTP_URL", "smtps://u:p@mail.example")
    monkeypatch.setenv("VOD_BATCH_PING_URL", "nonsense")
    monkeypatch.setenv("VOD_BATCH_ACCOUNT", "prod")
    channels = load_channels(account="other", region=None)
    assert (channels.account, channels.region) == ("other", "cn-shanghai")
    assert (channels.mail_from, channels.mail_to) == ("a@b.example", ("c@d.example",))
    assert channels.smtp_url
    assert channels.ping_url is None


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files and shells write "unset" like this."""
    monkeypatch.setenv("VOD_BATCH_DATABASE_URL", "")
    monkeypatch.setenv("VOD_BATCH_MAX_SUBMISSIONS", "")
    settings = load_settings()
    assert (settings.database_url, settings.max_submissions) == (None, None)


def test_types_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several types fit into one variable."""
    monkeypatch.setenv("VOD_BATCH_TYPE", "AIMediaDNA,AIVideoTag")
    assert load_settings().type == (JobType.MEDIA_DNA, JobType.VIDEO_TAG)


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """VOD_BATCH_SETTINGS says which file; one that is not there is an error."""
    monkeypatch.setenv("VOD_BATCH_SETTINGS", str(_write("qps = 9", "other.toml")))
    assert load_settings().qps == 9
    monkeypatch.setenv("VOD_BATCH_SETTINGS", "missing.toml")
    with pytest.raises(ConfigurationError, match=r"cannot read the settings file missing\.toml"):
        load_settings()


def test_a_file_that_is_no_toml_is_an_error() -> None:
    """The message names the file."""
    _write("qps = ")
    with pytest.raises(ConfigurationError, match=r"cannot read the settings file vod-batch\.toml"):
        load_settings()


def test_an_unknown_key_in_the_file_is_an_error_with_a_near_miss() -> None:
    """A typo must not be a silent default."""
    _write("concurency = 3")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    told = "vod-batch.toml: unknown setting 'concurency'; did you mean concurrency?"
    assert str(caught.value) == told
    assert caught.value.exit_code == 78


def test_an_unknown_key_like_no_other_is_an_error_too() -> None:
    """The file is ours alone, so every key in it must be."""
    _write("zzz = 3")
    with pytest.raises(ConfigurationError, match=r"unknown setting 'zzz'$"):
        load_settings()


def test_a_misspelt_variable_is_an_error_with_a_near_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter or two from a name is a typo."""
    monkeypatch.setenv("VOD_BATCH_CONCURENCY", "1")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value) == (
        "unknown environment variable VOD_BATCH_CONCURENCY; did you mean VOD_BATCH_CONCURRENCY?"
    )


@pytest.mark.parametrize("name", ["MAIN", "WRAPPER_OF_OURS", "PORT", "SERVICE_HOST", "ACCEPT"])
def test_a_variable_like_no_setting_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """It may belong to a wrapper or a cluster, so that nothing stops for it."""
    monkeypatch.setenv(f"VOD_BATCH_{name}", "1")
    with capture_logs() as lines:
        assert load_settings().qps == 30
    (line,) = lines
    assert line["log_level"] == "warning"
    assert line["variables"] == [f"VOD_BATCH_{name}"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("BUGDET", "BUDGET"), ("QPSS", "QPS"), ("TYPES", "TYPE"), ("WEBHOOK", "WEBHOOKS"),
     ("MAX_SUBMISSION", "MAX_SUBMISSIONS"), ("CAMPANG", "CAMPAIGN")],
)  # fmt: skip
def test_a_near_miss_names_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    """A budget that is misspelt must not be no budget."""
    monkeypatch.setenv(f"VOD_BATCH_{name}", "1")
    with pytest.raises(ConfigurationError, match=f"did you mean VOD_BATCH_{meant}\\?$"):
        load_settings()


@pytest.mark.parametrize("text", ["dna,tag", "AIMediaDNA, AIVideoTag", "DNA,aivideotag"])
def test_a_type_has_two_names_in_every_source(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """By flag, in the environment, in the file, and in the prices."""
    both = tuple(JobType)
    assert load_settings(type=text.split(",")).type == both
    monkeypatch.setenv("VOD_BATCH_TYPE", text)
    assert load_settings().type == both
    monkeypatch.delenv("VOD_BATCH_TYPE")
    _write(f'type = "{text}"\n[prices]\ndna = "0.05"\n[prices.cn-beijing]\ntag = "0.3"')
    settings = load_settings()
    assert settings.type == both
    assert settings.prices == {
        "AIMediaDNA": Decimal("0.05"), "cn-beijing": {"AIVideoTag": Decimal("0.3")},
    }  # fmt: skip


def test_a_type_is_priced_once() -> None:
    """Which of two prices holds must not depend on their order."""
    _write('[prices]\ndna = "0.05"\nAIMediaDNA = "0.06"')
    with pytest.raises(ConfigurationError, match="priced by both of its names"):
        load_settings()


def test_a_bad_flag_is_usage_and_a_bad_variable_is_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same words, said at the command line or kept somewhere."""
    with pytest.raises(UsageError, match=r"^--qps: "):
        load_settings(qps="many")
    monkeypatch.setenv("VOD_BATCH_QPS", "many")
    with pytest.raises(ConfigurationError, match=r"^VOD_BATCH_QPS: "):
        load_settings()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("16m", 960), ("1h", 3600), ("1h30m", 5400), ("250ms", 0.25), ("1.5s", 1.5),
     ("1d", 86400), ("1 H", 3600)],
)  # fmt: skip
def test_durations_are_written_with_units(text: str, seconds: float) -> None:
    """One or several numbers, each with its unit."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "90", "s", "1x", "-5s", "1h-5m", "0s", "90 seconds", 90])
def test_other_durations_are_refused(text: object) -> None:
    """A number without a unit could mean anything; a wait of nothing is a mistake."""
    with pytest.raises(UsageError, match=r"^--grace: "):
        load_settings(grace=text)


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:8808", "ftp://host", "http://", "http://h/path", "http://h?q", "http://me:pw@h",
     "http://vod.cn-shanghai.aliyuncs.com"],
)  # fmt: skip
def test_endpoints_that_cannot_be_meant_are_refused(endpoint: str) -> None:
    """An endpoint is scheme, host and port; the cloud is never called without TLS."""
    with pytest.raises(UsageError, match=r"^--endpoint: "):
        load_settings(endpoint=endpoint)


@pytest.mark.parametrize(
    ("endpoint", "url", "counterpart"),
    [
        (None, "https://vod.cn-beijing.aliyuncs.com", "cloud"),
        ("https://vod.cn-shanghai.aliyuncs.com/", "https://vod.cn-shanghai.aliyuncs.com", "cloud"),
        ("http://127.0.0.1:8808", "http://127.0.0.1:8808", "stand-in"),
        ("https://aliyuncs.com.example", "https://aliyuncs.com.example", "stand-in"),
    ],
)
def test_the_endpoint_in_force(endpoint: str | None, url: str, counterpart: str) -> None:
    """The override, else the region's host; what is not the cloud's is a stand-in."""
    settings = load_settings(endpoint=endpoint, region="cn-beijing")
    assert (settings.url, settings.counterpart) == (url, counterpart)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
     ("10.0.0.1", False), ("localhost.example", False)],
)  # fmt: skip
def test_loopback_is_this_machine_only(host: str, loopback: bool) -> None:
    """Only addresses that cannot leave the machine count."""
    assert is_loopback_host(host) is loopback


def test_a_password_is_never_shown() -> None:
    """Neither repr nor str nor an error's text holds the database's password."""
    settings = load_settings(database_url="postgresql://me:hush-hush@db/vod")
    assert "hush-hush" not in f"{settings!r} {settings}"
    assert settings.database_url == SecretStr("postgresql://me:hush-hush@db/vod")


def test_a_message_names_the_source_of_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag by its name, a variable by its own, a file's key with the file."""
    with pytest.raises(UsageError, match=r"^--max-attempts: "):
        load_settings(max_attempts=0)
    _write("max_attempts = 0")
    with pytest.raises(ConfigurationError, match=r"^max_attempts in vod-batch\.toml: "):
        load_settings()
    monkeypatch.setenv("VOD_BATCH_MAX_ATTEMPTS", "many")
    with pytest.raises(ConfigurationError, match=r"^VOD_BATCH_MAX_ATTEMPTS: "):
        load_settings()


def test_a_check_of_the_whole_names_the_setting_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that name no type are not blamed on another setting, nor is a short settle."""
    monkeypatch.setenv("VOD_BATCH_PRICES", '{"AIMediaDNS": 0.05}')
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    told = "VOD_BATCH_PRICES: 'AIMediaDNS' is neither a type nor a region with a table"
    assert str(caught.value) == told
    monkeypatch.delenv("VOD_BATCH_PRICES")
    _write('settle = "15m"')
    with pytest.raises(ConfigurationError, match=r"^settle in vod-batch\.toml: less than 16m"):
        load_settings()


def test_a_bad_secret_is_not_echoed() -> None:
    """The message about a value never repeats the value."""
    with pytest.raises(UsageError) as caught:
        load_settings(database_pooled="hush-hush")
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 65, "ä"])
def test_names_are_plain(name: str) -> None:
    """Account and campaign names stand in file names, keys and reports."""
    with pytest.raises(UsageError, match=r"^--campaign: .* is not a name; use "):
        load_settings(campaign=name)


def test_settings_are_frozen() -> None:
    """Nobody changes a setting on the way."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().qps = 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('max_duration = "99999999d"', "is too long; at most 3650d"),
        (f'settle = "{"9" * 400}h"', "is too long; at most 3650d"),
        (f"max_submissions = {10**20}", "less than or equal to 2147483647"),
        (f"doubt_limit = {10**20}", "less than or equal to 2147483647"),
        (f"guard_window = {10**20}", "less than or equal to 1000000"),
        ('budget = "1e400"', "less than or equal to 1000000000000"),
        ('prices.AIMediaDNA = "1e400"', "less than or equal to 1000000000000"),
        ("until = 6", "'6' is not a time of day; write it like 06:00"),
    ],
)
def test_numbers_that_nothing_can_hold_are_refused(line: str, told: str) -> None:
    """Neither PostgreSQL, nor a clock, nor a person could make sense of them later."""
    _write(line)
    with pytest.raises(ConfigurationError, match=f"vod-batch.toml: .*{told}"):
        load_settings()


def test_a_time_of_day_may_be_one_of_toml() -> None:
    """TOML has times of its own."""
    _write("until = 06:30:00")
    assert load_settings().until == time(6, 30)


def test_a_loopback_endpoint_may_play_the_cloud() -> None:
    """Then it is the cloud, to whoever asks what to believe, and waits as long as the cloud."""
    plain = load_settings(endpoint="http://127.0.0.1:8808", settle="1s")
    assert (plain.counterpart, plain.plays_by_cloud_rules) == ("stand-in", False)
    playing = load_settings(endpoint="http://127.0.0.1:8808", service="cloud")
    assert (playing.counterpart, playing.plays_by_cloud_rules) == ("cloud", True)
    with pytest.raises(UsageError, match="settle"):
        load_settings(endpoint="http://127.0.0.1:8808", service="cloud", settle="1s")
    with pytest.raises(UsageError, match="service"):
        load_settings(service="stand-in")

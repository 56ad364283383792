"""Addresses of notices: what is taken, what is refused, and that no secret is shown."""

import pytest

from batch.addresses import (
    Encryption,
    MailServer,
    WebhookAddress,
    WebhookKind,
    read_mail_server,
    read_ping,
    read_webhook,
)
from batch.errors import ConfigurationError
from batch.settings import Settings, load_settings

TOKEN = "T0ken-9f2c7a11d0"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("alone"))


def test_a_webhook_is_kind_url_and_signing_secret() -> None:
    """The secret stands after the #, which is never sent."""
    text = f"dingtalk+https://oapi.dingtalk.com/robot/send?access_token={TOKEN}#SEC%23x"
    assert read_webhook(text) == WebhookAddress(
        WebhookKind.DINGTALK,
        f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}",
        "oapi.dingtalk.com",
        "SEC#x",
    )
    assert TOKEN not in repr(read_webhook(text))
    assert "SEC" not in repr(read_webhook(text))


@pytest.mark.parametrize(
    "text",
    [
        f"https://hooks.slack.com/services/{TOKEN}",
        f"teams+https://x.test/{TOKEN}",
        f"slack+ftp://x.test/{TOKEN}",
        f"slack+https:///{TOKEN}",
        f"slack+https://x.test:99999/{TOKEN}",
        f"slack+https://x.test/{TOKEN} {TOKEN}",
        f"slack+https://x.test/{TOKEN}#{TOKEN}",
        f"slack+http://hooks.slack.com/{TOKEN}",
        f"dingtalk+http://oapi.dingtalk.com/{TOKEN}",
        f"json+https://[{TOKEN}/",
        "slack",
        "",
    ],
)
def test_a_wrong_webhook_is_refused_without_showing_it(text: str) -> None:
    """A token in a message would end in a log."""
    with pytest.raises(ValueError, match=r"write|https only|secret") as caught:
        read_webhook(text)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("smtp://mail.test", MailServer(Encryption.STARTTLS, "mail.test", 587, None, None)),
        ("smtps://u:p%40@mail.test", MailServer(Encryption.TLS, "mail.test", 465, "u", "p@")),
        ("smtp+plain://[::1]:26/", MailServer(Encryption.NONE, "::1", 26, None, None)),
    ],
)
def test_a_mail_server_is_read(text: str, server: MailServer) -> None:
    """The port is the usual one of the encryption."""
    assert read_mail_server(text) == server
    assert "p@" not in repr(server)


@pytest.mark.parametrize(
    "text",
    [
        "mail.test", "http://mail.test", "smtp://u@mail.test", f"smtp://u:{TOKEN}/x@mail.test",
        f"smtp://u:{TOKEN}#x@mail.test", f"smtp://u:{TOKEN}@mail.test/x", "smtp://",
    ],
)  # fmt: skip
def test_a_wrong_mail_server_is_refused_without_showing_it(text: str) -> None:
    """The likeliest mistake is a password with a slash in it."""
    with pytest.raises(ValueError, match=r"write|must hold") as caught:
        read_mail_server(text)
    assert TOKEN not in str(caught.value)


def test_a_ping_url_is_read() -> None:
    """Its paths are put after it, so it ends without a slash."""
    assert read_ping("https://hc.test/ping/x/?a=1") == "https://hc.test/ping/x?a=1"
    with pytest.raises(ValueError, match="https only"):
        read_ping("http://hc-ping.com/x")


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around the commas do not count."""
    monkeypatch.setenv("VOD_BATCH_WEBHOOKS", "json+http://a.test/, slack+https://b.test/x,")
    monkeypatch.setenv("VOD_BATCH_MAIL_TO", "a@x.test,b@x.test")
    monkeypatch.setenv("VOD_BATCH_MAIL_FROM", "n@x.test")
    monkeypatch.setenv("VOD_BATCH_SMTP_URL", "smtp://x.test")
    monkeypatch.setenv("VOD_BATCH_PING_SUCCESS_CODES", "0,3")
    settings = load_settings()
    assert len(settings.webhooks) == 2
    assert settings.mail_to == ("a@x.test", "b@x.test")
    assert settings.ping_success_codes == (0, 3)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WEBHOOKS", f"json+http://a.test/,{TOKEN}", "VOD_BATCH_WEBHOOKS: write a webhook's kind"),
        ("PING_URL", TOKEN, "VOD_BATCH_PING_URL: is not an address"),
        ("SMTP_URL", f"smtp://u:{TOKEN}/@x", "VOD_BATCH_SMTP_URL: is not an address"),
        (
            "SMTP_URL",
            "smtp://x.test",
            "mail_to: smtp_url, mail_from and mail_to are given together",
        ),
        ("MAIL_TO", "a@x.test", "VOD_BATCH_MAIL_TO: smtp_url, mail_from and mail_to"),
        ("MAIL_TO", "a", "VOD_BATCH_MAIL_TO: 'a' is not a mail address"),
        ("MAIL_FROM", "a@x.test\nBcc: b@x.test", "is not a mail address"),
        ("PING_SUCCESS_CODES", "0,256", "VOD_BATCH_PING_SUCCESS_CODES"),
        ("NOTIFY_TIMEOUT", "0s", "must be longer than zero"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    """One line that says which setting and what to write."""
    monkeypatch.setenv(f"VOD_BATCH_{variable}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert says in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_settings_show_no_secret() -> None:
    """Neither printed nor as JSON, where a run keeps them."""
    settings = Settings.model_validate(
        {"ping_url": f"https://x.test/{TOKEN}", "webhooks": f"slack+https://x.test/{TOKEN}"}
    )
    assert TOKEN not in f"{settings!r}{settings.model_dump_json()}"

"""Mail through a real SMTP server: what arrives, what is tried again, nothing raised."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from batch.notify.channels import Notifier
from batch.notify.delivery import Delivery, Tries
from batch.notify.message import Message
from batch.settings import Settings
from tests.support.certificates import OwnCertificate, own_certificate
from tests.support.smtp import PostOffice, post_office

REPORT = Message("夜间报告: 3 of 4\n", "submitted 3\n.a dot\n媒体", {"submitted": 3}, 3, "run")
PASSWORD = "p@ss/w#rd:1"


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A server without encryption."""
    async with post_office() as office:
        yield office


@pytest.fixture
def certificate(tmp_path: Path) -> OwnCertificate:
    """A certificate that nobody trusts unless told."""
    return own_certificate(tmp_path)


async def _send(url: str, timeout: float = 5.0, to: str = "a@x.test, b@x.test") -> Delivery:
    settings: dict[str, Any] = {"smtp_url": url, "mail_from": "night@x.test", "mail_to": to}
    notifier = Notifier.from_settings(Settings(**settings))
    notifier._patience = Tries(timeout, 3, 0.01)
    (delivery,) = await notifier.ended(REPORT)
    return delivery


async def test_the_report_arrives_with_its_facts(office: PostOffice) -> None:
    """Text for people, JSON for programs, in one letter."""
    assert (await _send(f"smtp+plain://127.0.0.1:{office.port}")).ok
    (letter,) = office.letters
    assert (letter.sender, letter.readers) == ("night@x.test", ["a@x.test", "b@x.test"])
    assert letter.content["Subject"] == "夜间报告: 3 of 4"
    assert letter.content["Auto-Submitted"] == "auto-generated"
    body = letter.content.get_body(("plain",))
    assert body
    assert body.get_content().splitlines() == ["submitted 3", ".a dot", "媒体"]
    (attached,) = letter.content.iter_attachments()
    assert attached.get_filename() == "report.json"
    assert b'"submitted": 3' in attached.get_payload(decode=True)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_trusted_server_is_logged_in_to_under_tls(
    scheme: str, certificate: OwnCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first byte, or after STARTTLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    async with post_office(certificate.context if scheme == "smtps" else None) as office:
        office.tls = certificate.context
        office.key = ("night", PASSWORD)
        url = f"{scheme}://night:{quote(PASSWORD, safe='')}@127.0.0.1:{office.port}"
        assert await _send(url) == Delivery("mail 127.0.0.1", True, "taken")
        (letter,) = office.letters
        assert (letter.encrypted, letter.user) == (True, "night")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_server_that_is_not_trusted_gets_nothing(
    scheme: str, certificate: OwnCertificate
) -> None:
    """Neither the letter nor the password."""
    async with post_office(certificate.context if scheme == "smtps" else None) as office:
        office.tls = certificate.context
        delivery = await _send(f"{scheme}://night:secret@127.0.0.1:{office.port}")
        assert delivery == Delivery("mail 127.0.0.1", False, "its certificate is not trusted")
        assert not office.letters


async def test_smtp_does_not_fall_back_to_plain_text(office: PostOffice) -> None:
    """Who strips the offer of STARTTLS must not get a password."""
    office.key = ("night", "secret")
    delivery = await _send(f"smtp://night:secret@127.0.0.1:{office.port}")
    assert not delivery.ok
    assert not office.letters
    assert office.connections == 1


async def test_a_wrong_password_is_final_and_not_shown(office: PostOffice) -> None:
    """Three times would lock the account; this server even repeats the password."""
    office.key = ("night", "right")
    delivery = await _send(f"smtp+plain://night:{quote(PASSWORD, safe='')}@127.0.0.1:{office.port}")
    assert not delivery.ok
    assert "535" in delivery.detail
    assert PASSWORD not in delivery.detail
    assert office.connections == 1


async def test_a_busy_server_is_asked_again(office: PostOffice) -> None:
    """A 4xx may pass; the letter keeps its id, so a reader sees one letter."""
    office.busy = 2
    assert (await _send(f"smtp+plain://127.0.0.1:{office.port}")).ok
    assert office.connections == 3


@pytest.mark.parametrize(
    ("answer", "connections"), [("452 no room", 3), ("554 looks like spam", 1)]
)
async def test_a_refused_letter_is_final_unless_it_may_pass(
    office: PostOffice, answer: str, connections: int
) -> None:
    """The server's code decides."""
    office.refusals["DATA"] = answer
    delivery = await _send(f"smtp+plain://127.0.0.1:{office.port}")
    assert not delivery.ok
    assert answer[:3] in delivery.detail
    assert office.connections == connections


async def test_one_refused_reader_is_told_and_nobody_gets_it_twice(office: PostOffice) -> None:
    """The other one has the letter already."""
    office.refusals["RCPT TO:<b@x.test>"] = "450 not now"
    delivery = await _send(f"smtp+plain://127.0.0.1:{office.port}")
    assert delivery == Delivery("mail 127.0.0.1", False, "1 of 2 readers refused")
    assert len(office.letters) == 1


async def test_every_reader_refused_is_told(office: PostOffice) -> None:
    """Nothing was sent at all."""
    office.refusals["RCPT TO:<a@x.test>"] = "550 unknown"
    delivery = await _send(f"smtp+plain://127.0.0.1:{office.port}", to="a@x.test")
    assert "every reader refused" in delivery.detail
    assert not office.letters


async def test_a_server_that_hangs_costs_no_more_than_its_tries(office: PostOffice) -> None:
    """Each try is cut short."""
    office.hang = True
    delivery = await _send(f"smtp+plain://127.0.0.1:{office.port}", 0.2)
    assert delivery.detail == "no answer within 0.2 s, tried 3 times"
    assert office.connections == 3


async def test_nobody_listening_is_told(closed_port: int) -> None:
    """A port that nothing listens on."""
    delivery = await _send(f"smtp+plain://127.0.0.1:{closed_port}")
    assert delivery.detail.startswith("cannot connect")

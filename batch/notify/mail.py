"""E-mail by SMTP: the report as text, the facts as a JSON file."""

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from batch.addresses import Encryption, MailServer
from batch.notify.delivery import NotDeliveredError
from batch.notify.http import cannot_connect
from batch.notify.message import Message

_PERMANENT = 500


class Mail:
    """One mail server with a sender and its readers."""

    def __init__(self, server: MailServer, sender: str, readers: Sequence[str]) -> None:
        self._server = server
        self._sender = sender
        self._readers = tuple(readers)
        self.name = f"mail {server.host}"
        self.secrets = (server.password or "",)

    def compose(self, message: Message) -> EmailMessage:
        """Return the letter: made once, so that a letter that arrives twice is seen to be one."""
        letter = EmailMessage()
        letter["Subject"] = " ".join(message.title.split())
        letter["From"] = self._sender
        letter["To"] = ", ".join(self._readers)
        letter["Date"] = formatdate(localtime=True)
        letter["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text.encode("utf-8", "replace").decode())
        facts = json.dumps(message.facts, ensure_ascii=False, indent=2, default=str)
        letter.add_attachment(
            facts.encode("utf-8", "replace"),
            maintype="application",
            subtype="json",
            filename="report.json",
        )
        return letter

    async def send(self, letter: EmailMessage) -> str:
        """Send the letter to every reader. Raises NotDeliveredError."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.encryption is Encryption.TLS,
            start_tls=server.encryption is Encryption.STARTTLS,
            timeout=None,  # the caller bounds the whole of it
        )
        try:
            with _told_plainly():
                await client.connect()
                refused, _ = await client.send_message(
                    letter, sender=self._sender, recipients=self._readers
                )
        finally:
            client.close()
        if refused:
            # Some have it: another try would send it to them twice.
            names = f"{len(refused)} of {len(self._readers)} readers refused"
            raise NotDeliveredError(names, again=False)
        return "taken"


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        again = error.code < _PERMANENT
        raise NotDeliveredError(f"SMTP {error.code}: {error.message}", again=again) from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [each.code for each in error.recipients]
        again = all(code < _PERMANENT for code in codes)
        raise NotDeliveredError(f"every reader refused (SMTP {codes[0]})", again=again) from None
    except aiosmtplib.SMTPTimeoutError:
        raise NotDeliveredError("no answer in time", again=True) from None
    except aiosmtplib.SMTPConnectError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise NotDeliveredError("its certificate is not trusted", again=False) from None
        raise NotDeliveredError("cannot connect", again=True) from None
    except ssl.SSLCertVerificationError:
        raise NotDeliveredError("its certificate is not trusted", again=False) from None
    except aiosmtplib.SMTPServerDisconnected:
        raise NotDeliveredError("hung up on us", again=True) from None
    except aiosmtplib.SMTPException as error:
        raise NotDeliveredError(f"{type(error).__name__}: {error}", again=False) from None
    except OSError as error:
        raise NotDeliveredError(cannot_connect(error), again=True) from None

"""Mail: one message over SMTP, in a thread of its own and within a time limit."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from proxeny.provisioning.errors import MailError

_THREADS = 2


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The server that takes mail. ``security``: TLS from the start, after STARTTLS, or none. ``seconds`` for a step."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = "proxeny@localhost"
    seconds: float = 10.0


class Mail:
    """``send`` returns when the server has taken the message, or raises MailError."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="mail")

    async def send(self, address: str, subject: str, body: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self._deliver, _message(self._settings, address, subject, body))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            where = f"{self._settings.host}:{self._settings.port}"
            raise MailError(f"The mail server {where} did not take a message ({error}).") from error

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, message: EmailMessage) -> None:
        settings = self._settings
        with self._connected() as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user and settings.password:
                server.login(settings.user, settings.password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.seconds, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.seconds)


def _message(settings: MailSettings, address: str, subject: str, body: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, address
    message["Subject"] = " ".join(subject.split())
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="proxeny")
    message.set_content(body)
    return message

"""Logs: one event is one line, as JSON for machines or as text for a terminal.

Text that came from outside can neither start a new line nor steer a terminal, and what looks like a secret is masked
before it is written. Fields are given by the standard library's ``extra``; the request and the run in progress are
added from context, so that no function has to carry them:

    log = logging.getLogger(__name__)
    log.info("system opened", extra={"system": "hr", "milliseconds": 12})
"""

import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TextIO

import orjson

Form = Literal["auto", "json", "text"]

MASK = "***"

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
run_id: ContextVar[str | None] = ContextVar("run_id", default=None)

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SECRET_NAMES = re.compile(
    r"passw(or)?d|passphrase|secret|token|authorization|cookie|credential|private.?key|assertion|api.?key",
    re.IGNORECASE,
)
_HARMLESS_NAMES = frozenset(
    {"passwordstatus", "passwordpolicy", "tokenlifetime", "tokenendpoint", "clientsecretexpires", "passworddetails"}
)
_SECRETS_IN_TEXT = re.compile(
    r"(?P<scheme>\b(?:basic|bearer)\s+)[a-z0-9+/=._~-]{6,}"
    r"|(?P<name>(?<![\w.-])(?=[\w.-]*(?:password|passwd|secret|token))[\w.-]++\s*+[=:]\s*+)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
    r"|(?P<user>://[^/@\s:]*:)[^/@\s]+(?=@)",
    re.IGNORECASE,
)
"""Looks at each name once, from its first letter: text from outside may be long, and repeat ``token-token-…``."""
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_QUIET_LOGGERS = ("asyncio", "uvicorn", "uvicorn.error", "aiohttp", "httpx", "httpcore", "sqlalchemy")


@contextmanager
def bound(*, request: str | None = None, run: str | None = None) -> Iterator[None]:
    """Every event logged inside names this request or run."""
    pairs = ((request_id, request), (run_id, run))
    tokens = [(variable, variable.set(value)) for variable, value in pairs if value is not None]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def is_secret_name(name: str) -> bool:
    """Whether a value of that name is masked: ``password``, ``clientSecret``, ``Authorization`` …"""
    return _SECRET_NAMES.search(name) is not None and name.rpartition(".")[2].lower() not in _HARMLESS_NAMES


def redact(value: Any, names: frozenset[str] = frozenset()) -> Any:
    """A copy with secrets masked, at any depth: by key, and by the ``path`` of an operation of a PatchOp.

    ``names`` are further attribute names, in lower case (of a schema: what is ``returned: never``).
    """
    if isinstance(value, Mapping):
        hidden = _names_secret(value.get("path"), names)
        return {
            key: MASK if _names_secret(key, names) or (hidden and key == "value") else redact(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, names) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """The text with credentials masked that show themselves: ``Bearer …``, ``password=…``, ``://user:…@``."""
    return _SECRETS_IN_TEXT.sub(lambda hit: f"{hit['scheme'] or hit['name'] or hit['user']}{MASK}", text)


def printable(text: str) -> str:
    """The text on one line, with all that would steer a terminal written as ``\\\\uXXXX``."""
    return _STEERING.sub(lambda hit: f"\\u{ord(hit[0]):04x}", text.encode("utf-8", "backslashreplace").decode())


def configure(level: str = "info", form: Form = "auto", stream: TextIO | None = None) -> None:
    """Sends every logger's events to ``stream`` (standard error by default); ``auto`` is text on a terminal."""
    target = stream or sys.stderr
    readable = form == "text" or (form == "auto" and target.isatty())
    handler = logging.StreamHandler(target) if readable else JsonStream(target)
    handler.setFormatter(TextLines() if readable else JsonLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # nothing shows them


class JsonLines(logging.Formatter):
    """``{"time": …, "level": …, "logger": …, "message": …, further fields}`` on one line; time is UTC."""

    def format(self, record: logging.LogRecord) -> str:
        event = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        if (vouched := vars(record).get("vouched")) is not None:
            return _as_json({**event, "message": record.msg, "request_id": request_id.get(), **vouched})
        return _as_json(event | _fields(record))


class TextLines(logging.Formatter):
    """``12:00:01.123 INFO  proxeny.web: message key=value`` on one line; time is UTC."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        message = printable(fields.pop("message"))
        details = "".join(f" {printable(str(name))}={_as_json(value)}" for name, value in fields.items())
        return f"{_time(record)[11:23]} {record.levelname:<7} {record.name}: {message}{details}"


def _names_secret(name: object, names: frozenset[str]) -> bool:
    if not isinstance(name, str):
        return False
    return is_secret_name(name) or name.rpartition(":")[2].lower() in names


class JsonStream(logging.StreamHandler[TextIO]):
    """Writes events as JSON lines; those whose fields are vouched for without the machinery of a log record."""

    def write(self, logger: str, message: str, fields: dict[str, Any]) -> None:
        """An event of level info, in its order among the others."""
        line = _as_json(
            {
                "time": _moment(time.time()),
                "level": "info",
                "logger": logger,
                "message": message,
                "request_id": request_id.get(),
                **fields,
            }
        )
        try:
            with self.lock or nullcontext():
                self.stream.write(line + self.terminator)
                self.stream.flush()
        except Exception:
            self.handleError(logging.LogRecord(logger, logging.INFO, "", 0, message, None, None))


def write_event(log: logging.Logger, message: str, fields: dict[str, Any]) -> None:
    """An event of level info whose fields hold no secret, as the caller vouches.

    It costs a sixth of ``log.info``, which matters for the line that every request writes. Text is kept on its line.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    handlers = logging.root.handlers
    if len(handlers) == 1 and type(handlers[0]) is JsonStream and not log.handlers:
        handlers[0].write(log.name, message, fields)
        return
    record = logging.LogRecord(log.name, logging.INFO, "", 0, message, None, None)
    record.vouched = fields
    log.handle(record)


def _time(record: logging.LogRecord) -> str:
    return _moment(record.created)


def _moment(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The message, what is in progress, what ``extra`` gave, and the error, all redacted."""
    fields: dict[str, Any] = {"message": redact_text(record.getMessage())}
    for name, variable in (("request_id", request_id), ("run_id", run_id)):
        if (value := variable.get()) is not None:
            fields[name] = value
    fields.update(vars(record).get("vouched", {}))
    for name, value in vars(record).items():
        if name not in _STANDARD_FIELDS and name != "vouched":
            fields[name] = MASK if is_secret_name(name) else redact(value)
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = redact_text("".join(traceback.format_exception(record.exc_info[1])))
    return fields


def _as_json(value: Any) -> str:
    try:
        text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, UnicodeError):
        text = orjson.dumps(printable(repr(value))).decode() if not isinstance(value, dict) else _salvaged(value)
    return text if text.isascii() and "\x7f" not in text else printable(text)


def _salvaged(event: dict[Any, Any]) -> str:
    """The event when some value cannot be JSON (a lone surrogate, a huge number): each value as text."""
    return orjson.dumps({printable(str(name)): printable(str(value)) for name, value in event.items()}).decode()

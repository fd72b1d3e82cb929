"""Technical users as commands and the admin API show and change them: what may be said of one is checked here, once."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cryptography import x509
from pydantic import ValidationError

from proxeny.app.remembering import Store
from proxeny.app.systems import known_systems
from proxeny.app.wanted import CertificateWanted, ClientWanted, Named
from proxeny.certificates import thumbprint
from proxeny.documents import Document
from proxeny.errors import Error
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.settings import Client, Settings
from proxeny.store.administration import Administration
from proxeny.store.clients import StoredClient
from proxeny.store.errors import AlreadyExistsError, UnknownError

Rule = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClientAdministration:
    """What ``web.admin.ports.ClientsPort`` asks for. Documents have the keys of ``[[client]]`` in the configuration."""

    settings: Settings
    store: Store

    async def all(self) -> list[Document]:
        """Those of the configuration, then those of the database: everything but secrets, of which it says until when
        they hold."""
        stored = await self.store.clients.all()
        return [*map(_configured, self.settings.client), *map(_stored, stored)]

    async def one(self, client_id: str) -> Document:
        """UnknownError."""
        for known in self.settings.client:
            if known.id == client_id:
                return _configured(known)
        found = await self.store.clients.find(client_id)
        if found is None:
            raise UnknownError(f"There is no technical user '{client_id}'.")
        return _stored(found)

    async def add(
        self, client_id: str, document: Document, by: str, *, secret: bool = True, expires_days: int | None = None
    ) -> tuple[Document, str | None]:
        """The new technical user, and its secret, which nothing shows again; DefinitionError, AlreadyExistsError."""
        self._refuse_configured(client_id)
        _validated(Named, {"id": client_id})
        fields = client_fields(document)
        if not secret and not (fields.get("certificates") or fields.get("keys")):
            raise _wrong("secret", "is not wanted; then it needs a certificate or keys, or it could never sign in")
        made = StoredClient(id=client_id, **fields)
        kept, shown = await self._by(by).add_client(made, secret=secret, expires=_moment(expires_days))
        return _stored(kept), shown

    async def change(self, client_id: str, document: Document, by: str) -> Document:
        """What is named is as said from now on, what is not stays; DefinitionError, UnknownError."""
        self._refuse_configured(client_id)
        if not document:
            raise _wrong("", "is to be changed, but nothing says how. Name what is to be different")
        return _stored(await self._by(by).change_client(client_id, **client_fields(document)))

    async def rotate(self, client_id: str, by: str, *, keep_old_hours: float, expires_days: int | None) -> str:
        """A new secret; the newest old one holds for some hours more."""
        self._refuse_configured(client_id)
        keep = timedelta(hours=keep_old_hours)
        return await self._by(by).rotate_client(client_id, keep_old_for=keep, expires=_moment(expires_days))

    async def remove(self, client_id: str, by: str) -> None:
        self._refuse_configured(client_id)
        await self._by(by).remove_client(client_id)

    async def doubts(self, client_id: str) -> list[str]:
        """What is allowed, but will hardly be meant: it may do nothing, or reaches a system that there is not."""
        known, found = await self.one(client_id), []
        if not known["permissions"]:
            found.append(f"{client_id} has no permission, so everything will be refused to it. Give it one")
        systems = await self._systems() if known["systems"] else None
        if systems is not None and (unknown := sorted({*known["systems"]} - systems)):
            words = f"{client_id} is restricted to what is no system: {', '.join(unknown)}"
            found.append(f"{words}. There are: {', '.join(sorted(systems)) or 'none'}")
        return found

    async def _systems(self) -> frozenset[str] | None:
        """Ids and names; None if they cannot be read as they are."""
        try:
            every = await known_systems(self.settings, self.store)
        except Error:
            return None
        return frozenset(label for one in every for label in (one.definition.id, one.definition.name))

    async def certificates(self, client_id: str) -> list[Document]:
        """What signs it in, each with the ``id`` under which it can be taken away."""
        return [_numbered(rule) for rule in (await self.one(client_id))["certificates"]]

    async def add_certificate(self, client_id: str, document: Document, by: str) -> Document:
        """One more; one that it has already is not added again."""
        self._refuse_configured(client_id)
        (rule,) = client_fields({"certificates": [document]})["certificates"]
        await self._by(by).change_certificates(
            client_id, lambda known: known if rule in map(dict, known) else (*known, rule)
        )
        return _numbered(rule)

    async def remove_certificate(self, client_id: str, certificate: str, by: str) -> None:
        """UnknownError if it has none of that id."""
        self._refuse_configured(client_id)
        if certificate not in {one["id"] for one in await self.certificates(client_id)}:
            raise UnknownError(f"Technical user '{client_id}' has no such certificate. Nothing was changed.")
        await self._by(by).change_certificates(
            client_id, lambda known: tuple(rule for rule in known if _id_of(rule) != certificate)
        )

    def _by(self, by: str) -> Administration:
        return self.store.administration(by)

    def _refuse_configured(self, client_id: str) -> None:
        for index, known in enumerate(self.settings.client):
            if known.id == client_id:
                raise AlreadyExistsError(
                    f"Technical user '{client_id}' stands in the configuration file (client[{index}]). Edit the file; "
                    "nothing was changed."
                )


def client_fields(document: Document) -> dict[str, Any]:
    """The fields of StoredClient that a document names; DefinitionError with everything that is wrong."""
    wanted = _validated(ClientWanted, document)
    fields = {name: getattr(wanted, name) for name in wanted.model_fields_set}
    for name in {"permissions", "systems"} & fields.keys():
        fields[name] = frozenset(fields[name] or ()) if name == "permissions" or fields[name] else None
    if "certificates" in fields:
        fields["certificates"] = tuple(map(_rule, fields["certificates"]))
    return fields


def _validated(kind: type[Any], document: Document) -> Any:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise DefinitionError(tuple(_problem(detail["loc"], detail["msg"]) for detail in details)) from None


def _problem(location: Iterable[object], message: str) -> DefinitionProblem:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    return DefinitionProblem("the technical user", place, message.removeprefix("Value error, "))


def _wrong(place: str, message: str) -> DefinitionError:
    return DefinitionError((_problem((place,), message),))


def _rule(wanted: CertificateWanted) -> dict[str, str]:
    """A rule as it is kept; of a whole certificate its thumbprint, and when it ends."""
    if wanted.certificate is None:
        return wanted.model_dump(exclude_none=True)
    read = x509.load_pem_x509_certificate(wanted.certificate.encode())
    return {"thumbprint": thumbprint(read), "expires": read.not_valid_after_utc.isoformat()}


def _numbered(rule: Rule) -> Document:
    return {"id": _id_of(rule), **rule}


def _id_of(rule: Rule) -> str:
    return hashlib.sha256(orjson.dumps(dict(rule), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _moment(days: int | None) -> datetime | None:
    return datetime.now(UTC) + timedelta(days=days) if days else None


def _configured(known: Client) -> Document:
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems),
        "read_only": known.read_only,
        "dialect": list(known.dialect or ()),
        "enabled": True,
        "description": "",
        "secrets": ["for ever"] if known.secret is not None else [],
        "certificates": [rule.model_dump(exclude_none=True) for rule in known.certificates],
        "keys": known.keys is not None,
        "token_format": known.token_format,
        "bind_tokens": known.bind_tokens,
        "created": None,
        "last_used": None,
        "last_address": None,
        "failed_tries": None,
        "origin": "configuration",
    }


def _stored(known: StoredClient) -> Document:
    now = datetime.now(UTC)
    return {
        "id": known.id,
        "permissions": sorted(known.permissions),
        "systems": sorted(known.systems or ()),
        "read_only": known.read_only,
        "dialect": list(known.dialect or ()),
        "enabled": known.enabled,
        "description": known.description,
        "secrets": [_until(secret.expires) for secret in known.secrets if secret.is_valid(now)],
        "certificates": [dict(rule) for rule in known.certificates],
        "keys": bool(known.keys),
        "token_format": known.token_format,
        "bind_tokens": known.bind_tokens,
        "created": known.created.isoformat(timespec="seconds"),
        "last_used": known.last_used.isoformat() if known.last_used else None,
        "last_address": known.last_address,
        "failed_tries": known.failed_tries,
        "origin": "database",
    }


def _until(expires: datetime | None) -> str:
    return "for ever" if expires is None else f"until {expires.isoformat(timespec='seconds')}"

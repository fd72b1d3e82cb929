"""``proxeny cert``: a development authority, certificates of servers and of technical users."""

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from proxeny import certificates
from proxeny.cli.options import Folder
from proxeny.cli.output import json_option, write_json, write_rows
from proxeny.cli.program import Commands
from proxeny.errors import CertificateError

_AUTHORITY = "ca"
_STEM = re.compile(r"[^A-Za-z0-9._-]+")

_folder = click.option(
    "--directory", type=Folder, default="certs", show_default=True, help="Where the files are, and are put."
)
_days = click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Days it is valid.")
_password = click.option("--p12-password", metavar="TEXT", help="Password of the .p12 file; else one is made.")
_force = click.option("--force", is_flag=True, help="Replace files that are there.")


@click.group(cls=Commands)
def cert() -> None:
    """Development CA and client certificates: .crt, .key, .p12."""


@cert.command("ca")
@_folder
@click.option("--name", default=certificates.CA_NAME, show_default=True, help="Its common name.")
@click.option("--days", type=click.IntRange(1, 3650), default=3650, show_default=True, help="Days it is valid.")
@_password
@_force
@json_option
def authority(directory: Path, name: str, days: int, p12_password: str | None, force: bool, as_json: bool) -> None:
    """Make a certificate authority: ca.crt, ca.key, ca.p12."""
    _keep(directory, _AUTHORITY, force)
    _deliver(certificates.create_authority(name, days=days), directory, _AUTHORITY, p12_password, as_json)


@cert.command()
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@_folder
@click.option("--out", default="server", show_default=True, help="Name of the files.")
@_days
@_password
@_force
@json_option
def server(
    hosts: tuple[str, ...], directory: Path, out: str, days: int, p12_password: str | None, force: bool, as_json: bool
) -> None:
    """Make a server's certificate for its host names and addresses."""
    _keep(directory, out, force)
    issued = certificates.issue_server(_signer(directory), hosts, days=days)
    _deliver(issued, directory, out, p12_password, as_json)


@cert.command()
@click.argument("name")
@_folder
@click.option("--uri", help="A URI among the alternative names.")
@click.option("--out", help="Name of the files; else made of NAME.")
@_days
@_password
@_force
@json_option
def client(
    name: str,
    directory: Path,
    uri: str | None,
    out: str | None,
    days: int,
    p12_password: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make a technical user's certificate; NAME is its common name, of at most 64 characters."""
    stem = out or _STEM.sub("_", name)
    _keep(directory, stem, force)
    issued = certificates.issue_client(_signer(directory), name, uri=uri, days=days)
    _deliver(issued, directory, stem, p12_password, as_json)


@cert.command("list")
@_folder
@json_option
def list_certificates(directory: Path, as_json: bool) -> None:
    """List the certificates with their expiry and thumbprint."""
    rows = [
        {
            "file": entry.file,
            "subject": entry.subject,
            "issuer": entry.issuer,
            "names": list(entry.names),
            "expires": f"{entry.not_after:%Y-%m-%d}{' (expired)' if entry.expired else ''}",
            "days": (entry.not_after - datetime.now(UTC)).days,
            "thumbprint": entry.thumbprint,
        }
        for entry in certificates.describe(directory)
    ]
    write_rows(rows, as_json=as_json, nothing=f"No certificates in {directory}. Make an authority: proxeny cert ca")


def _signer(directory: Path) -> certificates.Issued:
    return certificates.load_issued(directory / f"{_AUTHORITY}.crt", directory / f"{_AUTHORITY}.key")


def _keep(directory: Path, stem: str, force: bool) -> None:
    existing = directory / f"{stem}.key"
    if existing.exists() and not force:
        raise CertificateError(f"{existing} is there already and was kept. Use --force to replace it, or another name.")


def _deliver(issued: certificates.Issued, directory: Path, stem: str, password: str | None, as_json: bool) -> None:
    chosen = password or secrets.token_urlsafe(12)
    files = [str(path) for path in issued.write(directory, stem, passphrase=chosen)]
    subject = issued.certificate.subject.rfc4514_string()
    expires = f"{issued.certificate.not_valid_after_utc:%Y-%m-%d}"
    thumbprint = certificates.thumbprint(issued.certificate)
    if as_json:
        made = {"subject": subject, "files": files, "expires": expires, "thumbprint": thumbprint}
        write_json(made | ({} if password else {"p12_password": chosen}))
        return
    click.echo(f"{subject}, valid until {expires}, thumbprint {thumbprint}")
    for file in files:
        click.echo(f"  {file}")
    if not password:
        click.echo(f"  password of the .p12 file, shown only now: {chosen}")

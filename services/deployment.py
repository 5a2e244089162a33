"""The secrets of an installation in containers: passwords, tokens, a small authority, and the bus's table of users.

What exists is kept, what is missing is made, what follows from the rest (hashes, users, addresses) is written anew; so
renewing a secret is: delete its file, make the secrets again, start again.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.provisioning import DATABASE
from services.reporting.signing import make_key
from shared import topology
from shared.parties import ALARMS_PARTY, OPERATOR_PARTY

SERVER = "nats"
CLUSTER = ("nats-1", "nats-2", "nats-3")
"""The servers of deploy/cluster; to each other they are clients too."""
USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
VALID_DAYS = {"ca": 3650, "server": 825}
RENEW_BEFORE_DAYS = 60
HASH_ROUNDS = 8
"""Few: a password of 192 random bits needs no stretching, and every reconnection of every client pays for it."""


_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class HostRefused(Exception):
    """A host that no certificate can be made for; the message says which."""


class Secrets:
    """A folder of secrets that its owner alone may enter.

    The files inside are readable: a container sees exactly those mounted into it, and runs as an account that the host
    does not know.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, centres: Sequence[str], hosts: Sequence[str] = ()) -> None:
        """Make what is missing for this installation; raises `OSError` when the folder cannot be written, `HostRefused`.

        *hosts* are names and addresses under which centres outside reach the bus; those of an earlier call are kept.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        accounts = topology.accounts(centres)
        self._certificate(SERVER, {SERVER, *CLUSTER, "localhost", "127.0.0.1", *hosts})
        for role in ("admin", "monitoring", "board", *topology.SERVICES):
            self.password(f"postgres-{role}")
        self._addresses()
        self._write("nats-routes.conf", nats_routes(self.password("nats-route")))
        self._write("nats-users.conf", nats_users({one: self.password(f"nats-{one.name}") for one in accounts}))
        self._tokens()
        self._signing_key()
        self.password("grafana-admin")

    def password(self, name: str) -> str:
        """The password of that name, safe inside a URL; made once and kept."""
        path = self.folder / name
        if path.exists() and (kept := path.read_text("utf-8").strip()):
            return kept
        self._write(name, fresh := secrets.token_urlsafe(24))
        return fresh

    def _addresses(self) -> None:
        """Where each service finds its parts inside the network of the containers, password included."""
        for name in topology.SERVICES:
            self._write_bus(f"{name}-nats-url", f"{name}:{self.password(f'nats-{name}')}")
            login = f"{name}:{self.password(f'postgres-{name}')}"
            self._write(f"{name}-database-url", f"postgresql://{login}@postgres:5432/{DATABASE}")
        board = f"board:{self.password('postgres-board')}"
        self._write("board-database-url", f"postgresql://{board}@postgres:5432/{DATABASE}")
        operator = f"{topology.OPERATOR}:{self.password(f'nats-{topology.OPERATOR}')}"
        self._write_bus("provision-nats-url", operator)
        admin = f"postgres:{self.password('postgres-admin')}"
        self._write("provision-database-url", f"postgresql://{admin}@postgres:5432/postgres")

    def _write_bus(self, name: str, login: str) -> None:
        """Where the bus is: one server, and in a second file the three of a cluster."""
        self._write(name, f"tls://{login}@{SERVER}:4222")
        self._write(f"{name}-cluster", ",".join(f"tls://{login}@{one}:4222" for one in CLUSTER))

    def _tokens(self) -> None:
        """Hashes of the HTTP tokens; the operator's and Alertmanager's are made here, `motcua token` adds and takes away others."""
        path, own = self.folder / "tokens", (OPERATOR_PARTY, ALARMS_PARTY)
        known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        names = {party["name"] for party in own}
        parties = {digest: party for digest, party in known.items() if party["name"] not in names}
        for party in own:
            parties[hashlib.sha256(self.password(f"http-{party['name']}").encode()).hexdigest()] = party
        self._write("tokens", json.dumps(parties, indent=1, ensure_ascii=False))

    def _signing_key(self) -> None:
        """The key that signs closed reports; readable inside the folder like every secret that a container mounts."""
        path = self.folder / "report-signing-key"
        if not path.exists():
            make_key(path)
            path.chmod(0o444)

    def _certificate(self, name: str, hosts: set[str]) -> None:
        """Sign a server's certificate with the installation's own authority; made anew two months before it ends."""
        key, ca = self._authority()
        target = self.folder / f"{name}-certificate"
        if target.exists():
            there = x509.load_pem_x509_certificate(target.read_bytes())
            if _signed_by(ca, there) and hosts <= _hosts(there):
                return
            hosts = hosts | _hosts(there)
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, ca.subject, own.public_key(), VALID_DAYS["server"])
            .add_extension(x509.SubjectAlternativeName([*map(_general_name, sorted(hosts))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(USAGES), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._write(f"{name}-key", _pem(own))
        self._write(f"{name}-certificate", certificate.public_bytes(serialization.Encoding.PEM).decode())

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """The authority's key, which never leaves this folder, and its certificate, which every client trusts."""
        if (self.folder / "ca-key").exists() and (self.folder / "ca").exists():
            kept = serialization.load_pem_private_key((self.folder / "ca-key").read_bytes(), password=None)
            assert isinstance(kept, ec.EllipticCurvePrivateKey)
            return kept, x509.load_pem_x509_certificate((self.folder / "ca").read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "motcua installation")])
        usage = dict.fromkeys(
            (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                "encipher_only", "decipher_only",
            ), False,
        )  # fmt: skip
        certificate = (
            _builder("motcua installation", subject, key.public_key(), VALID_DAYS["ca"])
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._write("ca-key", _pem(key), mode=0o600)
        self._write("ca", certificate.public_bytes(serialization.Encoding.PEM).decode())
        return key, certificate

    def _write(self, name: str, text: str, *, mode: int = 0o444) -> None:
        draft = self.folder / f".{name}"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text, "utf-8")
        draft.chmod(mode)
        draft.replace(self.folder / name)


def nats_users(passwords: dict[topology.Account, str]) -> str:
    """The users of the bus with hashed passwords, in the words of its configuration."""
    users = [
        {
            "user": account.name,
            "password": bcrypt.hashpw(password.encode(), bcrypt.gensalt(HASH_ROUNDS)).decode(),
            "permissions": {
                "publish": {"allow": list(account.publish)},
                "subscribe": {"allow": list(account.subscribe)},
            },
        }
        for account, password in passwords.items()
    ]
    return f"# rendered by `motcua secrets` from shared/topology.py\nusers: {json.dumps(users, indent=1)}\n"


def nats_routes(password: str) -> str:
    """How the servers of a cluster find each other, and the password without which nobody joins them."""
    routes = [f"tls://route:{password}@{one}:6222" for one in CLUSTER]
    login = {"user": "route", "password": password, "timeout": 5}
    return f"# rendered by `motcua secrets`\nauthorization: {json.dumps(login)}\nroutes: {json.dumps(routes)}\n"


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # a clock that is a little behind must not refuse it
        .not_valid_after(now + timedelta(days=days))
    )


def _signed_by(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    """True when this authority signed it and it stays valid for a while."""
    try:
        certificate.verify_directly_issued_by(ca)
    except Exception:  # the library raises InvalidSignature, ValueError or TypeError; all mean: make a new one
        return False
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if set(USAGES) - set(usages):  # made before there was a cluster
        return False
    return certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEW_BEFORE_DAYS)


def _hosts(certificate: x509.Certificate) -> set[str]:
    """The names and addresses that the certificate is good for."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _NAME.fullmatch(host):
            raise HostRefused(f"{host} is neither a host's name in ASCII letters nor an address") from None
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

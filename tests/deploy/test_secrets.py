"""The certificate of the bus, as a client checks it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from services.deployment import HostRefused, Secrets


def trusted(folder: Path, host: str) -> bool:
    """True when a client that trusts the installation's authority takes the bus for this host."""
    ca, certificate = (
        x509.load_pem_x509_certificate((folder / one).read_bytes()) for one in ("ca", "nats-certificate")
    )
    try:
        subject: x509.DNSName | x509.IPAddress = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    try:
        PolicyBuilder().store(Store([ca])).build_server_verifier(subject).verify(certificate, [])
    except VerificationError:
        return False
    return True


def test_centres_outside_trust_the_bus_under_the_hosts_that_it_was_given(tmp_path: Path) -> None:
    Secrets(tmp_path).make(["10966"], ["bus.example.vn", "10.1.2.3"])
    for host in ("nats", "nats-1", "nats-2", "nats-3", "localhost", "127.0.0.1", "bus.example.vn", "10.1.2.3"):
        assert trusted(tmp_path, host), host
    assert not trusted(tmp_path, "other.example.vn")
    assert not trusted(tmp_path, "10.1.2.4")


def test_a_host_is_added_without_losing_another_and_nothing_else_is_made_anew(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.make(["10966"], ["bus.example.vn"])
    ca, password = (tmp_path / "ca").read_bytes(), secrets.password("nats-centre-10966")
    secrets.make(["10966"], ["10.1.2.3"])
    assert trusted(tmp_path, "bus.example.vn") and trusted(tmp_path, "10.1.2.3")
    assert ((tmp_path / "ca").read_bytes(), secrets.password("nats-centre-10966")) == (ca, password)


def test_a_certificate_that_is_good_enough_is_kept(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.make(["10966"], ["bus.example.vn"])
    before = (tmp_path / "nats-certificate").read_bytes()
    secrets.make(["10966"])
    assert (tmp_path / "nats-certificate").read_bytes() == before


@pytest.mark.parametrize("host", ["xã.example.vn", "tls://bus.example.vn", "bus.example.vn:4222", ""])
def test_what_is_no_host_is_refused_by_name(tmp_path: Path, host: str) -> None:
    with pytest.raises(HostRefused, match=f"^{host} is neither"):
        Secrets(tmp_path).make(["10966"], [host])

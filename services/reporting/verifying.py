"""Checks a report's file offline, with the public key alone: signature, fingerprint, sums, checksums of its documents."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.reporting.domain import COLUMNS, canonical, fingerprint, merkle_root
from services.reporting.signing import key_id_of, signature_holds


class NotAReport(ValueError):
    """The file cannot be read as a report's JSON document."""


def read_document(content: bytes) -> dict[str, Any]:
    """The document of a closed report; raises `NotAReport`."""
    try:
        found = json.loads(content)
        if not isinstance(found, dict) or not isinstance(found["files"], list):
            raise NotAReport("is no report's JSON document")
        for name in ("rows", "total", "fingerprint", "signature", "key_id", "dossiers"):
            found[name]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAReport(f"is no report's JSON document ({error})") from error
    return found


def check_document(content: bytes, key: Ed25519PublicKey) -> list[str]:
    """Everything that is wrong with a document, in words; empty when it is exactly what was signed."""
    report = read_document(content)
    found = []
    try:
        rest = canonical({name: value for name, value in report.items() if name != "signature"})
        if canonical(report) != content:
            found.append("the file is not written canonically: bytes were changed after it was signed")
        stated = {name: report.get(name) for name in ("unit", "form", "from", "to", "rows", "total")}
        if fingerprint(stated, report["dossiers"]["merkle_root"]) != report["fingerprint"]:
            found.append("the figures do not belong to the fingerprint: a figure was changed")
        found += _sums(report)
    except Exception as error:  # a tampered document may hold anything in any place
        return [f"the document does not have the shape of a report ({error})"]
    if report["key_id"] != key_id_of(key):
        found.append(f"signed with key {report['key_id']}, this is key {key_id_of(key)}")
    elif not signature_holds(key, str(report["signature"]), rest):
        found.append("the signature does not hold: the document is not the one that was signed")
    return found


def _sums(report: dict[str, Any]) -> list[str]:
    if any("id" in row for row in report["rows"]):
        return [f"row {row['id']}: more hits than its base" for row in report["rows"] if _overfull(row)]
    found = [
        f"row {row['field']}: column 3 is not 7 + 11" for row in report["rows"] if row["c3"] != row["c7"] + row["c11"]
    ]
    added = {column: sum(row[column] for row in report["rows"]) for column in COLUMNS}
    return found + [
        f"column {column}: the rows add up to {added[column]}, the total says {report['total'][column]}"
        for column in COLUMNS
        if added[column] != report["total"][column]
    ]


def _overfull(row: dict[str, Any]) -> bool:
    return isinstance(row.get("base"), int) and row["hit"] > row["base"]


def check_file(report: dict[str, Any], path: Path) -> list[str]:
    """Whether a document beside the report is the one whose checksum was signed."""
    listed = {one["name"]: one["sha256"] for one in report["files"]}
    if path.name not in listed:
        return [f"{path.name} is not among the files of this report: {', '.join(sorted(listed))}"]
    content = path.read_bytes()
    found = []
    if hashlib.sha256(content).hexdigest() != listed[path.name]:
        found.append(f"{path.name} has another checksum than the signed report says: it was changed")
    elif path.suffix == ".jsonl" and merkle_root(content.splitlines()) != report["dossiers"]["merkle_root"]:
        found.append(f"{path.name}: the dossiers do not give the Merkle root of the report")
    return found

"""docs/security.md says what the accounts of the bus may do; it must say what they really may."""

from pathlib import Path

from shared import topology

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_page_lists_exactly_the_accounts_of_the_topology() -> None:
    rows = [line.split("|")[1:4] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    written = {name.strip().strip("`"): (_subjects(publish), _subjects(hear)) for name, publish, hear in rows}
    assert written == {one.name: (one.publish, one.subscribe) for one in topology.accounts(("10966",))}


def _subjects(cell: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("`") for part in cell.split("<br>"))

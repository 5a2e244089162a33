import os
from pathlib import Path

import pytest

LONG = (
    "test_real_logs", "test_portal_fuzz", "test_reports", "test_closed_reports", "test_demo", "test_as_of", "test_forms",
    "test_obligations", "test_rebuild", "test_backup", "test_pages", "test_cluster",
)  # fmt: skip
"""Files that take a minute or more, longest first."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores, for tests wait for servers a quarter of their time; at most four."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: a worker that begins one of them last lets the others wait for it."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder `shared/data` beside the repository; `MOTCUA_SHARED` names another place for `shared`."""
    root = Path(os.environ.get("MOTCUA_SHARED") or Path(__file__).parents[2] / "shared")
    if not (root / "data").is_dir():
        pytest.skip(f"no test data in {root / 'data'}; set MOTCUA_SHARED to the folder that holds data/")
    return root / "data"


@pytest.fixture(scope="session")
def packets(shared_data: Path) -> Path:
    """The folder of national-portal packets with their manifest."""
    return shared_data / "packets"

import os
from pathlib import Path

import pytest


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

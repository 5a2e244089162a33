"""`motcua`: the command line (contracts.md §6). Results go to standard output, progress and logs to standard error."""

from __future__ import annotations

import sys

import typer

from services.cli import (
    apologies,
    backups,
    boards,
    centre,
    check,
    demo,
    foresight,
    history,
    installing,
    lateness,
    obligations,
    operators,
    plans,
    procedures,
    rebuilding,
    reports,
    running,
    schemas,
    serving,
    simulating,
    sources,
)
from services.cli.client import CommandFailed
from services.embedded import EmbeddedError
from shared.rules import RuleError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("up")(running.up)
app.command("demo")(demo.demo)
app.command("import")(centre.import_files)
app.command("check")(check.check)
app.command("simulate")(simulating.simulate_centre)
app.command("lateness")(lateness.show_lateness)
app.command("sources")(sources.sources)
app.command("schemas")(schemas.schemas)
app.command("serve")(serving.serve)
app.command("provision")(serving.provision)
app.command("secrets")(installing.secrets)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("republish")(backups.republish)
app.command("rebuild")(rebuilding.rebuild)
app.command("doctor")(operators.doctor)
obligations.add_to(reports.app)
reports.app.command("foresight")(foresight.foresight)
reports.app.command("explain")(history.explain)
app.add_typer(reports.app, name="report")
app.add_typer(plans.app, name="plan")
app.add_typer(apologies.app, name="apology")
app.add_typer(boards.app, name="boards")
app.add_typer(procedures.app, name="procedures")
app.add_typer(installing.tokens, name="token")
app.add_typer(operators.dead_letters, name="deadletter")


def main() -> None:
    """Run the command; say what went wrong in one line, without a trace."""
    try:
        app()
    except CommandFailed as error:
        print(f"motcua: {error}", file=sys.stderr)
        sys.exit(error.code)
    except (EmbeddedError, RuleError) as error:
        print(f"motcua: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `motcua … | head` took what it wanted
        sys.stdout = None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"motcua: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

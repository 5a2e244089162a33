"""`motcua plan`: placeholder."""

import typer

app = typer.Typer()

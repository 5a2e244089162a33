"""The three clocks of a dossier: intake, the promised date, and the catalogue's own (docs/decisions/0020-clocks.md)."""

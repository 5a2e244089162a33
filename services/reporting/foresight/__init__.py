"""What a period will probably end with, and which open dossiers decide it (docs/decisions/0043-foresight.md)."""

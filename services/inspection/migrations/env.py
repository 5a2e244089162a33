"""Alembic's entry: the service's own metadata, run by the shared runner."""

from alembic import context

from services.inspection.tables import metadata
from shared.database import run_migrations

run_migrations(context.config, metadata)

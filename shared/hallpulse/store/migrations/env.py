"""Alembic's environment: the connection comes from `hallpulse.store.migrate`, never from an ini file."""

from alembic import context

from hallpulse.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

"""Brings a database to the newest tables."""

from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from tapgraph.errors import UsageError

__all__ = ["VERSION_TABLE", "upgrade"]

VERSION_TABLE = "tapgraph_memory_version"
"""Not Alembic's usual name, so that another program may live in the same database."""


def upgrade(connection: Connection) -> None:
    """Apply the changes that the database lacks, inside the connection's transaction.

    Raises:
        UsageError: the database is of a newer version of this package.
    """
    config = Config()
    config.set_main_option("script_location", "tapgraph.memory:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)

    def missing_steps(revision: Any, _: MigrationContext) -> list[MigrationStep]:
        newest_first = scripts.iterate_revisions("head", revision, implicit_base=True)
        return [
            MigrationStep.upgrade_from_script(scripts.revision_map, script)
            for script in reversed(list(newest_first))
        ]

    with EnvironmentContext(config, scripts, fn=missing_steps) as environment:
        environment.configure(
            connection=connection, version_table=VERSION_TABLE, transactional_ddl=True
        )
        try:
            environment.run_migrations()
        except (CommandError, RevisionError) as error:
            raise UsageError(
                "this memory was written by a newer tapgraph: upgrade the package or name another "
                "memory"
            ) from error

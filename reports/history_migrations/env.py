# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""For alembic: migrate on the caller's connection, in the caller's transaction."""

from alembic import context

from history_database import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"],
                  version_table=VERSION_TABLE)
context.run_migrations()

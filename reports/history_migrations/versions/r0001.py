# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The first schema: runs, what they share, and their measures."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "content",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("digest", name="content_digest"))
    op.create_table(
        "run",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("started", sa.String(20), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("argument", sa.Text),
        sa.Column("kernel", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("cpu", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("iodirty", sa.Text, nullable=False),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("clean", sa.Boolean),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("totals", sa.Text, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, sa.ForeignKey("content.number"), nullable=False),
        sa.Column("outcomes", sa.Integer, sa.ForeignKey("content.number"), nullable=False),
        sa.Column("failures", sa.Integer, sa.ForeignKey("content.number"), nullable=False),
        sa.UniqueConstraint("id", name="run_id"))
    op.create_index("run_started", "run", ["started"])
    op.create_table(
        "series",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("argument", sa.Text),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("cpu", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.UniqueConstraint("digest", name="series_digest"))
    op.create_table(
        "measure",
        sa.Column("run", sa.Integer, sa.ForeignKey("run.number"), primary_key=True,
                  autoincrement=False),
        sa.Column("series", sa.Integer, sa.ForeignKey("series.number"), primary_key=True,
                  autoincrement=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("low", sa.Float(53)),
        sa.Column("high", sa.Float(53)),
        sa.Column("samples", sa.Integer, nullable=False),
        sqlite_with_rowid=False)
    op.create_index("measure_series", "measure", ["series"])

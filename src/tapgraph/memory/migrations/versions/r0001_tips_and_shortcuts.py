"""The first tables, with what Mobile-Agent-E gives its agents at the start, in our words."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIPS = {
    "initial-tip-1-private-data": (
        "Never enter payment data. Skip signing in or go on as a guest where that is offered, and "
        "close pop-ups that cover an app when it opens."
    ),
    "initial-tip-2-fresh-start": "At the start of a task no app is open in the background.",
    "initial-tip-3-partial-text": (
        "Text that your own typing left in a field, such as the beginning of a search, is no error."
    ),
    "initial-tip-4-note-titles": "A new note needs no title unless the task asks for one.",
}

_TAP_TYPE_AND_ENTER = {
    "id": "initial-shortcut-tap-type-and-enter",
    "name": "Tap_Type_and_Enter",
    "arguments": ["x", "y", "text"],
    "description": "Tap an input field, type a text into it and press Enter.",
    "precondition": "An input field is on the screen and holds no text.",
    "steps": [
        {"action_name": "Tap", "arguments_map": {"x": "x", "y": "y"}},
        {"action_name": "Type", "arguments_map": {"text": "text"}},
        {"action_name": "Enter", "arguments_map": {}},
    ],
}


def upgrade() -> None:
    """Create both tables and fill in the initial entries."""
    tips = op.create_table("tips", *_entry_columns(), sa.Column("text", sa.Text, nullable=False))
    shortcuts = op.create_table(
        "shortcuts",
        *_entry_columns(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("precondition", sa.Text, nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
    )
    op.create_index("ix_tips_agent", "tips", ["agent"])
    op.create_index("ix_shortcuts_agent", "shortcuts", ["agent"])
    op.create_index("ix_shortcuts_name", "shortcuts", ["name"])
    now = datetime.now(UTC)
    start = {
        "version": 1,
        "agent": "mobile",
        "uses": 0,
        "successes": 0,
        "failures": 0,
        "status": "active",
        "created_at": now,
        "updated_at": now,
    }
    op.bulk_insert(tips, [{"id": key, "text": text, **start} for key, text in _TIPS.items()])
    op.bulk_insert(shortcuts, [{**_TAP_TYPE_AND_ENTER, **start}])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("shortcuts")
    op.drop_table("tips")


def _entry_columns() -> tuple[sa.Column[object], ...]:
    moment = sa.DateTime(timezone=True)
    return (
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("app", sa.Text),
        sa.Column("app_version", sa.Text),
        sa.Column("screen_width_px", sa.Integer),
        sa.Column("screen_height_px", sa.Integer),
        sa.Column("run", sa.Text),
        sa.Column("step", sa.Integer),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("successes", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_failure_at", moment),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
    )

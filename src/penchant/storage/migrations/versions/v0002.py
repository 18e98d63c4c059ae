"""Schema 0002: what is told of a user beside events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Users get attributes; in their own row, so that erasing the user erases them."""
    op.add_column("users", sa.Column("attributes", sa.Text()))

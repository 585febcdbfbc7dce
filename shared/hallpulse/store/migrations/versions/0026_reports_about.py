"""Reports that are kept say what they are about: a department or a hall, the language, and whether they are drafts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "reports",
        sa.Column("about", JSONB(), server_default="{}", nullable=False, comment="scope, language, draft; sealed"),
    )


def downgrade() -> None:
    op.drop_column("reports", "about")

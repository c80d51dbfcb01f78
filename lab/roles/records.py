"""SQLAlchemy, by `import x`: a statement, never sent."""

from __future__ import annotations

import sqlalchemy


def answer(x: int) -> str:
    """A query for one record."""
    table = sqlalchemy.table("records", sqlalchemy.column("id"))
    return str(sqlalchemy.select(table).where(table.c.id == x).compile(compile_kwargs={"literal_binds": True}))

"""A small business, written out in SQL, whose customers are of three kinds."""

from __future__ import annotations


def regulars_sql(size: int = 130) -> str:
    """Return SQL for as many who order every month, who leave half-way, and who order once."""
    when = "TIMESTAMPTZ '2026-06-01 00:00+00' - to_seconds(CAST(86400.0 * ({days}) AS BIGINT)) AS ordered_at"
    monthly = when.format(days="n * 30 + hash(i * 99 + n) % 25")
    left = when.format(days="500 + n * 25 + hash(i * 98 + n) % 25")
    once = when.format(days="hash(i * 97) % 1000")
    return f"""
        SELECT 'm' || i || '-' || n AS order_id, 'm' || i AS customer_id, {monthly},
               20.0 + hash(i + n) % 90 AS revenue FROM range({size}) a(i), range(34) b(n)
        UNION ALL
        SELECT 'l' || i || '-' || n, 'l' || i, {left}, 20.0 + hash(i + n) % 90
               FROM range({size}) a(i), range(20) b(n)
        UNION ALL
        SELECT 'o' || i, 'o' || i, {once}, 20.0 + hash(i) % 90 FROM range({size}) a(i)"""  # noqa: S608


def kinds_sql() -> str:
    """Return SQL for 150 who order often, lately and for much, and 250 who ordered seldom and for little."""
    when = "TIMESTAMPTZ '2026-06-01 00:00+00' - to_seconds(CAST(86400.0 * ({days}) AS BIGINT)) AS ordered_at"
    often = when.format(days="hash(i * 31) % 12 + n * 20 + hash(i * 99 + n) % 9")
    seldom = when.format(days="400 + hash(i * 98 + n * 7) % 300")
    return f"""
        SELECT 'm' || i || '-' || n AS order_id, 'm' || i AS customer_id, {often},
               500.0 + hash(i) % 300 AS revenue
               FROM range(150) a(i), range(45) b(n) WHERE n < 25 + hash(i * 5) % 20
        UNION ALL
        SELECT 'l' || i || '-' || n, 'l' || i, {seldom}, 20.0 + hash(i + n) % 40
               FROM range(250) a(i), range(4) b(n) WHERE n < 1 + hash(i * 3) % 4"""  # noqa: S608

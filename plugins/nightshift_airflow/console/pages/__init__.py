"""The pages, one small file each."""

from __future__ import annotations

from nightshift_airflow.console.pages import data, models, orders, pictures, rules, tonight, voices, window

ROUTERS = (
    tonight.router, window.router, orders.router, voices.router, rules.router, models.router, data.router, pictures.router,
)  # fmt: skip

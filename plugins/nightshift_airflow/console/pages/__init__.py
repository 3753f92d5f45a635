"""The pages, one small file each."""

from __future__ import annotations

from nightshift_airflow.console.pages import (
    areas,
    by_picture,
    data,
    models,
    orders,
    pictures,
    rules,
    search,
    tonight,
    voices,
    window,
)

ROUTERS = (
    tonight.router,
    window.router,
    orders.router,
    voices.router,
    rules.router,
    models.router,
    data.router,
    pictures.router,
    search.router,
    areas.router,
    by_picture.router,
)

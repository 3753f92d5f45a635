"""Nightshift's pages in Airflow's UI: one small file a page; all of them need a login."""

"""Nightshift in Airflow: DAGs made from the registry, and the tasks that call ``ml.pipeline``."""

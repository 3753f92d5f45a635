"""Every day, the house is kept."""

from nightshift_airflow.factory import maintenance

dag = maintenance()

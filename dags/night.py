"""Every night, from the shop's tables to finished predictions."""

from nightshift_airflow.factory import night

dag = night()

"""Every morning, after the night, a backup: where NIGHTSHIFT_BACKUP_URI says where to."""

from nightshift_airflow.factory import backup

dag = backup()

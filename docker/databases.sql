-- Run once by the postgres image, when its volume is empty: a database each for Nightshift, Airflow and MLflow.
CREATE DATABASE nightshift;
CREATE DATABASE airflow;
CREATE DATABASE mlflow;

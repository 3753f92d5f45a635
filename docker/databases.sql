-- Run once by psql in the postgres image, when its volume is empty: a login and a database each for Nightshift, Airflow
-- and MLflow. The superuser makes them and is used for nothing else; cli/logins.py does the same for ./nightshift up.
\getenv nightshift NIGHTSHIFT_DB_PASSWORD
\getenv airflow AIRFLOW_DB_PASSWORD
\getenv mlflow MLFLOW_DB_PASSWORD
CREATE ROLE nightshift LOGIN PASSWORD :'nightshift';
CREATE ROLE nightshift_airflow LOGIN PASSWORD :'airflow';
CREATE ROLE nightshift_mlflow LOGIN PASSWORD :'mlflow';
CREATE ROLE nightshift_console;
CREATE ROLE nightshift_extract;
CREATE ROLE nightshift_publish;
CREATE ROLE nightshift_staff;
CREATE ROLE nightshift_viewer;
CREATE ROLE shop_reader;
GRANT nightshift_console, nightshift_extract, nightshift_publish, nightshift_staff, nightshift_viewer, shop_reader
    TO nightshift WITH ADMIN OPTION;
-- To name who holds a lock, and to end him.
GRANT pg_read_all_stats, pg_signal_backend TO nightshift;
CREATE DATABASE nightshift OWNER nightshift;
CREATE DATABASE airflow OWNER nightshift_airflow;
CREATE DATABASE mlflow OWNER nightshift_mlflow;
REVOKE ALL ON DATABASE airflow, mlflow FROM PUBLIC;
\connect nightshift
CREATE EXTENSION vector;

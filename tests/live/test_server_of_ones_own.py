"""A night on a server of the shop's own: TLS alone, an ordinary login, a password of the characters that a URL gives a meaning."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from cli import asyncpg_arguments, environment, ports, prepare
from cli.environment import Server, Stack
from cli.home import Home
from cli.postgres import OS_USER, command, identity
from ml import pipeline
from ml.adapters import postgres
from ml.adapters.postgres import database
from ml.core.errors import NightshiftError
from ml.settings import Settings
from tests.live.conftest import NIGHT, tables
from tests.live.install import install, uninstall
from tests.small_shop import fill

PASSWORD, ESCAPED = "p$1@home/of: the %shop", "p%241%40home%2Fof%3A%20the%20%25shop"
ADMIN = "the administrator's"
ENCRYPTED = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


def programs() -> Path | None:
    """Folder of a PostgreSQL that was built with TLS: the embedded one was not."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda found: int(found.parent.name))


def certificates(folder: Path) -> None:
    """Write ``ca.pem``, and ``server.pem`` with ``server.key``, which it signed for 127.0.0.1."""
    now, keys = datetime.now(UTC), {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "other")}
    names = {name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in keys}
    for name, signer in (("ca", "ca"), ("server", "ca"), ("other", "other")):
        built = (
            x509.CertificateBuilder()
            .subject_name(names[name])
            .issuer_name(names[signer])
            .public_key(keys[name].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == signer, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(keys[signer], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        keys["server"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Path, int]]:
    """Folder of the certificates and port of a server that takes encrypted connections alone."""
    if (bin_ := programs()) is None:
        pytest.skip("there is no PostgreSQL with TLS on this machine")
    folder = Path(tempfile.mkdtemp(prefix="nightshift-tls-"))
    folder.chmod(0o755)
    certificates(folder)
    (folder / "password").write_text(ADMIN)
    os_user = OS_USER if os.geteuid() == 0 else ""
    for name in ("server.key", "password") if os_user else ():
        shutil.chown(folder / name, os_user)
    (folder / "server.key").chmod(0o600)
    (folder / "data").mkdir()
    if os_user:
        shutil.chown(folder / "data", os_user)
    subprocess.run(
        [
            *(bin_ / "initdb", "-D", folder / "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"),
            *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}"),
        ],
        check=True,
        capture_output=True,
        cwd="/",
        **identity(os_user),
    )
    (folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    chosen = ports.choose(42_951)
    chosen.held.close()
    tls = {"ssl": "on", "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key", "fsync": "off"}
    process = subprocess.Popen(
        [*command(Server(str(folder / "data"), str(bin_), os_user), chosen.port)]
        + [word for name, value in tls.items() for word in ("-c", f"{name}={value}")],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **identity(os_user),
    )
    try:
        ready = [bin_ / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(chosen.port)]
        for _ in range(200):
            if subprocess.run(ready, check=False).returncode == 0:
                break
        yield folder, chosen.port
    finally:
        process.send_signal(signal.SIGINT)  # ends what is connected
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def administrator(port: int, script: str) -> None:
    """Run what an administrator is asked to, line by line as psql does."""
    name = "postgres"
    for line in script.splitlines():
        if line.startswith("\\connect"):
            name = line.split('"')[1]
            continue
        with closing(
            psycopg2.connect(host="127.0.0.1", port=port, user="postgres", password=ADMIN, dbname=name)
        ) as session:
            session.autocommit = True
            session.cursor().execute(line)


@pytest.fixture(scope="module")
def own(server: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, Settings, dict[str, str]]:
    """A stack's settings and its services' variables on that server, once its administrator ran what the check prints."""
    folder, port = server
    administrator(port, f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
    url = f"postgresql://shop:{ESCAPED}@127.0.0.1:{port}/ours?sslmode=verify-ca&sslrootcert={folder / 'ca.pem'}"
    home = Home(tmp_path_factory.mktemp("tls") / "home")
    home.ensure()
    given = environment.given(home, {"NIGHTSHIFT_DATABASE_URL": url})
    stack = Stack({"airflow": 1, "mlflow": 2, "postgres": port}, given, None)
    urls = environment.database_urls(stack, home.secrets())
    administrator(port, database.script(database.examine(urls)))
    database.refuse(urls)
    variables = environment.services(home, stack, home.secrets())
    return stack, Settings.from_env(variables), variables


def test_a_night_over_tls(own: tuple[Stack, Settings, dict[str, str]], tmp_path: Path) -> None:
    """The shop is read, the books are kept, the shop reads its rows, and the batch is nightshift_publish's."""
    settings = replace(own[1], mlflow_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")  # its tables take ten seconds
    prepare.setup.migrate(settings.database_url)
    fill(settings.shop_url, tables())
    install(tmp_path / "suites")
    try:
        report = pipeline.run_night(settings, NIGHT, capabilities=["watch"])
    finally:
        uninstall()
    assert ESCAPED not in str(report)
    (seen,) = postgres.query(
        settings.database_url,
        "SELECT count(*) AS rows, (SELECT viewowner FROM pg_views WHERE schemaname = 'ml' AND viewname = 'order_watch') AS owner, "
        "(SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'shop') AS encrypted "
        "FROM ml.order_watch",
    )
    assert (seen["rows"] > 0, seen["owner"], seen["encrypted"]) == (True, "nightshift_publish", True)


def test_airflow_and_mlflow_get_in(own: tuple[Stack, Settings, dict[str, str]]) -> None:
    """With the same URL, password and certificate; Airflow by its asynchronous driver too."""
    variables = own[2]
    for name in ("MLFLOW_BACKEND_STORE_URI", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        engine = create_engine(variables[name])
        with engine.connect() as session:
            assert session.scalar(ENCRYPTED) is True
        engine.dispose()
    url = variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"]
    arguments = asyncpg_arguments.arguments(variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

    async def encrypted() -> Any:
        engine = create_async_engine(url, connect_args=arguments)
        try:
            async with engine.connect() as connection:
                return await connection.scalar(ENCRYPTED)
        finally:
            await engine.dispose()

    assert asyncio.run(encrypted()) is True


def test_require_alone_gets_in_and_another_authority_is_refused(own: tuple[Stack, Settings, dict[str, str]]) -> None:
    """``require`` encrypts; ``verify-ca`` by another authority, and no encryption, are refused without the password."""
    url = own[1].database_url
    plain, _, ca = url.partition("?")[0], *url.partition("sslrootcert=")[1:]
    assert postgres.query(f"{plain}?sslmode=require", "SELECT 1 AS one") == [{"one": 1}]
    for query in (f"sslmode=verify-ca&sslrootcert={ca.replace('ca.pem', 'other.pem')}", "sslmode=disable"):
        with pytest.raises(NightshiftError, match="see sslmode") as caught:
            postgres.query(f"{plain}?{query}", "SELECT 1 AS one")
        assert PASSWORD not in str(caught.value)

"""A real PostgreSQL, as Debian packages it, in a folder of its own; tables are loaded by psql."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "reader17", "SECRET-17"


def programs() -> Path | None:
    """The folder of initdb and postgres, or None where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    beside = [Path(path) for path in [shutil.which("initdb")] if path]
    return next((path.parent for path in (*found, *beside) if (path.parent / "postgres").exists()), None)


@dataclass(frozen=True)
class Server:
    """A running server; socket and files in `folder`."""

    bin: Path
    folder: Path
    port: int

    def address(self, *schemas: str, user: str = USER, password: str = PASSWORD) -> str:
        """How our own users name it: over TCP, with a password."""
        path = "%2C".join(schemas)
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{path}"

    def sql(self, *statements: str) -> None:
        """Run statements as the superuser, through the socket."""
        asked = [part for statement in statements for part in ("-c", statement)]
        command = [
            self.bin / "psql",
            "-qX",
            "-h",
            self.folder,
            "-p",
            str(self.port),
            "-U",
            "postgres",
            "-d",
            "postgres",
        ]
        subprocess.run([*map(str, command), "-v", "ON_ERROR_STOP=1", *asked], check=True, capture_output=True)

    def load(self, schema: str, folder: Path) -> None:
        """Every CSV of a folder as a table of the schema, its columns of the types that the CDM's DDL gives them."""
        self.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}")
        for path in sorted(folder.glob("*.csv")):
            names = path.read_text(encoding="utf-8").split("\n", 1)[0].lower().split(",")
            columns = ", ".join(f"{name} {kind_of(name)}" for name in names)
            self.sql(
                f"CREATE TABLE {schema}.{path.stem} ({columns})",
                f"\\copy {schema}.{path.stem} FROM '{path}' csv header",
            )
        self.sql(
            f"GRANT USAGE ON SCHEMA {schema} TO {USER}", f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {USER}"
        )


def kind_of(name: str) -> str:
    """The type of a column of the CDM."""
    if name.endswith("_datetime"):
        return "timestamp"
    if name.endswith("_date"):
        return "date"
    if name in ("domain_id", "vocabulary_id", "concept_class_id"):
        return "varchar(20)"
    if name.endswith("_id") or name.startswith(("year_", "month_", "day_")):
        return "bigint"
    return "numeric" if name == "value_as_number" else "varchar(255)"


def nobody() -> list[str]:
    """What makes a command run as a user that is not root: a server refuses to be root's."""
    if os.geteuid() != 0:
        return []
    user = next(each for each in ("postgres", "nobody") if each in {entry.pw_name for entry in pwd.getpwall()})
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server until the block is left; it and its folder are then gone."""
    folder, port, other = Path(tempfile.mkdtemp(prefix="synthehr-pg-")), free_port(), nobody()
    if other:
        os.chown(folder, pwd.getpwnam(other[1].split("=")[1]).pw_uid, -1)
    data = str(folder / "data")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"

    def run(*command: str) -> None:
        subprocess.run([*other, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"})

    try:
        asked = ["-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8", "-N"]
        run(str(programs / "initdb"), "-D", data, *asked)
        run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            server = Server(programs, folder, port)
            server.sql(f"CREATE USER {USER} PASSWORD '{PASSWORD}'")
            yield server
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)

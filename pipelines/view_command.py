"""`synthehr view`: reports, ledger and a query page of a bundle, shown to whoever sits at this machine."""

import contextlib
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import Json
from pipelines.console import outcome


def view(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A bundle, its public half, or a whole run's folder.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="To listen on; 0 takes any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Show a bundle in the browser: reports, ledger, queries. On this machine only; Ctrl-C ends it."""
    with outcome(as_json) as held:
        from pipelines.viewing.folder import DATABASE, open_folder
        from pipelines.viewing.queries import Database
        from pipelines.viewing.server import Server
        from pipelines.viewing.site import Site

        found = open_folder(folder)
        database = Database(found.public.root / DATABASE)
        server = Server(Site(found, database), port)
        address = server.door.address(server.door.token)
        halves = [half.name for half in found.halves]
        held.result = {"url": address, "port": server.server_port, "found": found.kind, "halves": halves}
        held.lines = [
            f"{folder}: {found.kind}.",
            address,
            "Whoever has this address can read it from this machine. Ctrl-C ends it.",
        ]
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdout.flush()  # a program that waits for the address reads a pipe
        if not no_browser and _has_screen():
            once = server.door.address(server.door.token_once or "")
            threading.Thread(target=webbrowser.open, args=(once,), daemon=True).start()
        server.serve_forever()
    server.server_close()
    database.close()
    typer.echo("Ended; nothing is served any more.", err=True)


def _has_screen() -> bool:
    """Whether a browser has somewhere to open; one for the terminal would take this one over."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest
import typer
from typer.testing import CliRunner

from pipelines.view_command import view

PROGRAM = "import typer; from pipelines.view_command import view; typer.run(view)"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal there")
def test_address_then_ctrl_c_ends_it_well(bundle: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(bundle), "--no-browser"]
    plain, as_json = (
        subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for more in ([], ["--json"])
    )
    try:
        assert plain.stdout is not None
        assert as_json.stdout is not None
        told = json.loads(as_json.stdout.readline())
        addresses = [told["url"], [plain.stdout.readline() for _ in range(2)][1].strip()]
        for process, address in zip((as_json, plain), addresses, strict=True):
            with pytest.raises(OSError, match="403"):
                urlopen(address, timeout=10)  # it keeps no cookie, so it gets no further than the door
            process.send_signal(signal.SIGINT)
        ended = [process.communicate(timeout=20) for process in (as_json, plain)]
    finally:
        plain.kill()
        as_json.kill()
    assert (as_json.returncode, plain.returncode) == (0, 0)
    assert all("Ended" in err for _, err in ended)
    assert told["url"].startswith(f"http://127.0.0.1:{told['port']}/?token=")
    assert (told["found"], told["halves"], ended[0][0]) == ("a bundle", ["public", "steward"], "")


def test_no_bundle_ends_with_3_and_the_next_step(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(view)
    found = CliRunner().invoke(app, [str(tmp_path), "--json"])
    assert found.exit_code == 3
    assert "synthehr release" in json.loads(found.stdout.splitlines()[-1])["error"]


def test_the_browser_is_started_with_an_address_of_its_own(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.viewing.server import Server

    opened: list[str] = []
    started = threading.Event()

    def interrupted(server: Server) -> None:
        assert started.wait(10)
        assert not server.door.takes(opened[0].split("=")[1] + "x")
        assert server.door.takes(opened[0].split("=")[1])
        assert not server.door.takes(opened[0].split("=")[1])
        raise KeyboardInterrupt

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: (opened.append(address), started.set()))
    monkeypatch.setattr(Server, "serve_forever", interrupted)
    app = typer.Typer()
    app.command()(view)
    found = CliRunner().invoke(app, [str(bundle), "--json"])
    assert found.exit_code == 0
    printed = json.loads(found.stdout.splitlines()[0])["url"]
    assert len(opened) == 1
    assert opened[0].split("=")[0] == printed.split("=")[0]
    assert opened[0] != printed  # the list of processes shows the one, not the other

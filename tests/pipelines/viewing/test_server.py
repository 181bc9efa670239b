import socket
import time

import pytest

from pipelines.viewing.server import Server
from synthehr.errors import BadRequest

NOTHING_OF_IT = ("trial-cohort", "Diabetes", "PASS")


def entered(answer: tuple[int, dict[str, str], str]) -> int:
    """The status; of what is refused, nothing of the bundle may show."""
    status, _, text = answer
    if status != 200:
        assert not any(word in text for word in NOTHING_OF_IT)
    return status


def test_without_or_with_a_wrong_token_nothing_is_shown(caller) -> None:
    assert [entered(caller.call("GET", path)) for path in ("/", "/query", "/public/report.html", "/x")] == [403] * 4
    wrong = (
        "/?token=",
        "/?token=x",
        f"/?token={caller.server.door.token}x",
        "/?token=%ff",
        "/?token=%c3%a9",
    )
    assert [entered(caller.call("GET", path)) for path in wrong] == [403] * 5
    assert entered(caller.call("GET", f"/query?token={caller.server.door.token}")) == 403
    port = caller.port
    cookies = (f"synthehr_{port}=", f"synthehr_{port}=x", f"synthehr_{port}={caller.server.door.token}", "=;;=")
    assert [entered(caller.call("GET", "/", Cookie=cookie)) for cookie in cookies] == [403] * 4


def test_the_token_buys_a_cookie_and_leaves_the_address(caller) -> None:
    status, headers, body = caller.call("GET", f"/?token={caller.server.door.token}")
    assert (status, headers["location"], body) == (303, "/", "")
    cookie = headers["set-cookie"]
    assert {part.strip() for part in cookie.split(";")[1:]} == {"Path=/", "HttpOnly", "SameSite=Strict"}
    status, headers, text = caller.call("GET", "/", Cookie=f"other=1; {cookie.split(';')[0]}; odd={{")
    assert status == 200
    assert "trial-cohort" in text
    assert caller.server.door.token not in text


def test_the_token_of_the_started_browser_works_once(caller) -> None:
    once = caller.server.door.token_once
    assert [caller.call("GET", f"/?token={once}")[0] for _ in range(2)] == [303, 403]
    assert caller.call("GET", f"/?token={once}", **caller.cookie)[0] == 303  # who is inside stays inside


def test_headers_of_every_answer(caller) -> None:
    answers = [caller.call("GET", path, **caller.cookie) for path in ("/", "/public/report.html", "/x")]
    for _, headers, _ in [*answers, caller.call("GET", "/"), caller.ask("SELECT 1")]:
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "script" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "python" not in headers["server"].lower()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", ""]
)
def test_another_name_is_refused(caller, host: str) -> None:
    host = host.format(port=caller.port)
    assert entered(caller.call("GET", "/", Host=host, **caller.cookie)) == 403
    assert entered(caller.call("GET", f"/?token={caller.server.door.token}", Host=host)) == 403
    assert entered(caller.ask("SELECT 1", Host=host)) == 403
    assert entered(caller.call("GET", "/", Host=f"LOCALHOST:{caller.port}", **caller.cookie)) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/public/../../etc/passwd",
        "/public/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/public//report.html",
        "/public/./report.html",
        "/public/report.html/",
        "/public/report.html%00",
        "/public\\report.html",
        "/PUBLIC/report.html",
        "/public/cohort.duckdb",
        "/public/vocabulary.parquet",
        "/public/shard.parquet",
        "/public/queries/01-by-sex.sql",
        "/public/",
        "/steward",
        "/steward/../public/report.html",
        "/manifest.json",
        "/readme",
    ],
)
def test_only_listed_addresses_are_there(caller, path: str) -> None:
    assert entered(caller.call("GET", path, **caller.cookie)) == 404


def test_every_listed_file_is_served_as_it_lies_there(caller, bundle) -> None:
    listed = [path for path in caller.server.site._files if not path.endswith(".pdf")]
    assert {"/public/report.html", "/public/ledger.json", "/steward/policy.json"} <= set(listed)
    for path in listed:
        status, headers, text = caller.call("GET", path, **caller.cookie)
        assert status == 200
        assert text == (bundle / path[1:]).read_text()
        assert ("content-disposition" in headers) != path.endswith(".html")
    pdf = caller.call("GET", "/public/report.pdf", **caller.cookie)[1]
    assert (pdf["content-type"], pdf["content-disposition"]) == ("application/pdf", 'attachment; filename="report.pdf"')


def test_head_is_get_without_its_body(caller) -> None:
    for path in ("/", "/public/report.html", "/x"):
        status, headers, text = caller.call("GET", path, **caller.cookie)
        head = caller.call("HEAD", path, **caller.cookie)
        assert head[0] == status
        assert head[1]["content-length"] == headers["content-length"] == str(len(text.encode()))
        assert head[2] == ""
    assert caller.call("HEAD", "/")[0] == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
def test_no_other_method(caller, method: str) -> None:
    assert entered(caller.call(method, "/", **caller.cookie)) == 501


def test_a_query_is_answered(caller) -> None:
    status, _, text = caller.ask("SELECT sex, count(*) AS n FROM patients GROUP BY sex ORDER BY sex")
    assert status == 200
    assert '<tr><td class="">female</td><td class="n">3</td></tr>' in text
    status, headers, text = caller.ask("SELECT 1 AS a, NULL AS b, 'x,y' AS c", to_file=True)
    assert (status, text) == (200, 'a,b,c\n1,,"x,y"\n')
    assert headers["content-disposition"] == 'attachment; filename="query.csv"'


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "none"},
        {"Cookie": "synthehr=1"},
    ],
)
def test_a_query_from_elsewhere_is_refused(caller, headers: dict[str, str]) -> None:
    assert entered(caller.ask("SELECT 1 AS asked", **headers)) == 403


def test_a_query_that_does_not_say_where_it_comes_from_is_refused(caller) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert entered(caller.call("POST", "/query", "sql=SELECT+1", **caller.cookie, **form)) == 403
    # the control: a browser whose pages send no referrer says this
    own = {"Origin": "null", "Sec_Fetch_Site": "same-origin"}
    assert entered(caller.call("POST", "/query", "sql=SELECT+1", **caller.cookie, **form, **own)) == 200


def test_only_the_form_of_the_query_page(caller) -> None:
    assert caller.ask("SELECT 1", Content_Type="text/plain")[0] == 415
    assert caller.ask("x" * 70_000)[0] == 413
    own = caller.cookie | {"Origin": caller.server.door.origins[0]}
    assert caller.call("POST", "/ledger", "a=1", Content_Type="application/x-www-form-urlencoded", **own)[0] == 405
    assert caller.ask("SELECT 1", Transfer_Encoding="chunked")[0] == 413


def test_what_a_query_may_not_do_is_said_on_the_page(caller, tmp_path) -> None:
    for sql in (f"COPY patients TO '{tmp_path}/x.csv'", "FROM read_csv('/etc/passwd')", "INSTALL httpfs", "ATTACH 'x'"):
        status, _, text = caller.ask(sql)
        assert status == 200
        assert "No result." in text
        assert "root:" not in text
    assert list(tmp_path.iterdir()) == []


def test_an_endless_query_ends_and_others_are_served(caller) -> None:
    started = time.monotonic()
    _, _, text = caller.ask("SELECT max(i) FROM range(1000000000000) t(i)")  # the limit is two seconds here
    assert "Stopped after 2 seconds" in text
    assert time.monotonic() - started < 8
    assert caller.call("GET", "/", **caller.cookie)[0] == 200


def test_it_listens_on_this_machine_alone(caller) -> None:
    assert caller.server.socket.getsockname()[0] == "127.0.0.1"
    for family, address in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as other, pytest.raises(OSError):
            other.connect((address, caller.port))
    with socket.socket() as own:  # the control
        own.connect(("127.0.0.1", caller.port))


def test_a_taken_port_is_said(caller) -> None:
    with pytest.raises(BadRequest, match=r"cannot be had.*leave --port out"):
        Server(caller.server.site, caller.port)


def test_nothing_is_logged(caller, capfd) -> None:
    caller.ask("SELECT 'a private question'")
    caller.call("GET", "/")
    caller.call("BAD", "/")
    assert capfd.readouterr() == ("", "")

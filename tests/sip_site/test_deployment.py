"""What deploy/kamailio ships fits together: each form of the configuration loads, and users are kept as it says."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.rig.sip_deployment import DEPLOYED, ROOT
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite, missing

SWITCHES = ("TRUNK", "TWO_NODES", "USERS_IN_SQLITE", "DUMP")


def site_user(where: str, *words: str, secret: str = "") -> subprocess.CompletedProcess[str]:
    command = (str(DEPLOYED / "site-user"), *words)
    return subprocess.run(command, input=secret, text=True, capture_output=True, env={"SITE_USERS": where,
                          "PATH": "/usr/bin:/bin"}, check=False)  # fmt: skip


@pytest.fixture(params=["text", "sqlite"])
def users(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite" and shutil.which("sqlite3") is None:
        pytest.skip("needs sqlite3; ./test.sh installs it")
    return f"{request.param}://{tmp_path}/users"


def test_users_are_kept_without_their_secrets(users: str, tmp_path: Path) -> None:
    for name, secret in (("door", "first"), ("hall", "other"), ("door", "second")):
        assert site_user(users, "add", f"{name}@sip.example.org", secret=f"{secret}\n").returncode == 0
    assert sorted(site_user(users, "list").stdout.split()) == ["door@sip.example.org", "hall@sip.example.org"]
    kept = b"".join(path.read_bytes() for path in [tmp_path / "users", *tmp_path.rglob("*")] if path.is_file())
    assert b"second" not in kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))
    assert site_user(users, "remove", "door@sip.example.org").returncode == 0
    assert site_user(users, "list").stdout.split() == ["hall@sip.example.org"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_users_that_root_enters_are_for_the_owner_of_the_folder(users: str, tmp_path: Path) -> None:
    os.chown(tmp_path, 12_345, -1)
    for _ in range(2):
        assert site_user(users, "add", "door@sip.example.org", secret="secret\n").returncode == 0

    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {12_345}


@pytest.mark.parametrize("name", ["door", "@sip.example.org", "a b@sip.example.org", "a'b@sip.example.org", "a:b@x"])
def test_a_name_that_could_be_read_as_something_else_is_refused(users: str, name: str) -> None:
    done = site_user(users, "add", name, secret="secret\n")
    assert done.returncode == 1
    assert done.stderr.startswith("site-user: ")


def test_an_empty_secret_is_refused(users: str) -> None:
    done = site_user(users, "add", "door@sip.example.org", secret="\n")
    assert (done.returncode, done.stderr) == (1, "site-user: the secret is empty\n")


@pytest.mark.skipif(shutil.which("kamailio") is None, reason="needs kamailio; ./test.sh installs it")
@pytest.mark.parametrize("wanted", [(), *itertools.combinations(SWITCHES, 1), SWITCHES])
def test_every_form_of_the_configuration_loads(wanted: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copy(DEPLOYED / "kamailio.cfg", tmp_path)
    text = (DEPLOYED / "site.cfg").read_text().replace("/etc/sip-site", str(tmp_path))
    for switch in wanted:
        text, count = re.subn(rf"^##(!define {switch})$", r"#\1", text, flags=re.M)
        assert count == 1
    where = f"sqlite://{tmp_path}/users.db" if "USERS_IN_SQLITE" in wanted else f"text://{tmp_path}/users"
    (tmp_path / "site.cfg").write_text(text.replace(f"text://{tmp_path}/users", where))
    assert site_user(where, "add", "door@sip.example.org", secret="secret\n").returncode == 0
    done = subprocess.run(("kamailio", "-c", "-f", str(tmp_path / "kamailio.cfg"), "-Y", str(tmp_path)),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "config file ok" in done.stdout + done.stderr


def test_containers_do_what_the_units_do() -> None:
    compose = (DEPLOYED / "compose.yaml").read_text()
    for unit in ("sip-edge.service", "sip-media.service"):
        started = re.search(r"^ExecStart=(.*)$", (DEPLOYED / unit).read_text(), re.M)
        assert started and f"command: {started[1]}\n" in compose
    packages = (DEPLOYED / "Dockerfile").read_text()
    page = (DEPLOYED / "README.md").read_text()
    for package in re.findall(r"kamailio-[a-z]+-modules|rtpengine-daemon", (ROOT / "scripts/setup.sh").read_text()):
        assert package in packages and package in page


def compose() -> dict[str, Any]:
    """What compose.yaml says, read by what this machine has for it."""
    path = DEPLOYED / "compose.yaml"
    read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
    for words in (("docker", "compose", "-f", str(path), "config", "--format", "json"),
                  ("/usr/bin/python3", "-c", read, str(path))):  # fmt: skip
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return dict(json.loads(done.stdout))
    pytest.skip("needs docker compose, or Debian's python3-yaml")


def test_containers_have_every_folder_that_their_programs_name() -> None:
    services = compose()["services"]
    assert set(services) == {"edge", "media"}
    for service in services.values():
        words = service["command"]
        program, *others = words.split() if isinstance(words, str) else words
        kept = [each if isinstance(each, str) else each["target"] for each in service["volumes"]]
        kept += [service["tmpfs"]] if isinstance(service["tmpfs"], str) else service["tmpfs"]
        folders = [each.split(":")[1] if ":" in each else each for each in kept]
        named = [word.partition("=")[2] or word for word in others if "/" in word]
        assert named and all(any(name.startswith(folder) for folder in folders) for name in named)
        assert shutil.which("kamailio") is None or Path(program).exists()
        assert service["network_mode"] == "host" and "ports" not in service
    assert (DEPLOYED / "Dockerfile").exists()


def test_the_addresses_that_move_are_those_that_phones_know() -> None:
    site = (DEPLOYED / "site.cfg").read_text()
    known = [re.search(rf'"!{name}!(.*)!g"', site)[1] for name in ("SITE_ADDRESS", "OTHER_ADDRESS")]  # type: ignore[index]

    moved = re.findall(r"virtual_ipaddress \{ ([0-9.]+)/", (DEPLOYED / "keepalived.conf").read_text())
    assert moved == known


@pytest.mark.skipif(shutil.which("keepalived") is None, reason="needs keepalived; ./test.sh installs it")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_keepalived_takes_its_settings_without_a_warning() -> None:
    interface = "ip link add eth0 type veth peer name eth1 && ip address add 192.0.2.13/24 dev eth0"
    checks = f"{interface} && ip link set eth0 up && keepalived -t -f {DEPLOYED / 'keepalived.conf'}"
    done = subprocess.run(("unshare", "--net", "sh", "-c", checks), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.sip_site
def test_users_may_stand_in_a_database(tmp_path: Path) -> None:
    if lacking := missing():
        pytest.skip(f"needs {lacking}; ./test.sh installs what Debian has")
    settings = {"SITE_USERS": f"sqlite://{tmp_path}/users.db"}
    with SipSite(tmp_path / "site", settings=settings) as site, site.inside("client"), SipPhone(site) as phone:
        phone.until_registered()
        assert site.registered() == ["desk"]
        with SipPhone(site, "lobby", secret="wrong", address="10.77.0.32") as stranger:
            stranger.until(lambda: "403 Too Many Wrong Secrets" in stranger.log, "was told to wait")
        assert site.registered() == ["desk"]

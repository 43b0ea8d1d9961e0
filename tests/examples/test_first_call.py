"""What docs/twilio.md says is done as it stands there: commands run, answers compared, tables looked up."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.config import load
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import GENERATIONS
from agent.signaling.refusals import PARTS, refusal_by_code
from agent.signaling.token.access_token import token_validity
from agent.signaling.token.fetch import TokenError, fetcher
from agent.signaling.token.token_settings import TokenSettings
from tests.examples.account import Account, Refused
from tests.examples.stage import PATIENCE_S, ROOT, write_tone
from tests.examples.twiml import Step, read_twiml

PAGE = (ROOT / "docs" / "twilio.md").read_text()
BLOCKS = re.findall(r"^```([^\n]+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
OURS = "https://boxes.example.org"
NUMBER, CALLER = "+15005550001", "+4930123456"


def blocks(language: str) -> list[str]:
    """The page's snippets in one language, in their order."""
    return [text for name, text in BLOCKS if name == language]


@dataclass
class Site:
    """A machine on which the page was followed: its files, its two servers, and the account that it belongs to."""

    folder: Path
    account: Account
    passwords: dict[str, str] = field(default_factory=dict)
    tokens_at: str = ""

    def token_settings(self, identity: str, password: str) -> TokenSettings:
        return TokenSettings(
            url=f"{self.tokens_at}?identity={identity}", url_header=f"Authorization: Bearer {password}"
        )

    def token(self, identity: str) -> str:
        return fetcher(self.token_settings(identity, self.passwords[identity]), identity)()


class Machine:
    """Runs the page's commands in a folder; `api.twilio.com` is the account that the test plays."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        (folder / ".curlrc").write_text(
            f'connect-to = "api.twilio.com:443:127.0.0.1:{account.port}"\ncacert = "{account.ca_file}"\n'
        )
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = {**os.environ, "CURL_HOME": str(folder), "PYTHONPATH": str(ROOT), "PATH": path,
                    "ACCOUNT_SID": account.sid, "AUTH_TOKEN": account.auth_token}  # fmt: skip
        self._running: list[subprocess.Popen[str]] = []

    def follow(self, commands: str) -> None:
        """Run commands until they are done; none may fail."""
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=self.env, text=True,
                              capture_output=True, timeout=PATIENCE_S, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr

    def serve(self, command: str) -> str:
        """Start a server at a port of its own; returns the address that it names."""
        command = re.sub(r"--port \d+", "--port 0", command)
        process = subprocess.Popen(["bash", "-euc", command], cwd=self.folder, env=self.env, text=True,
                                   stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
        self._running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().split(" at ")[1].strip()

    def close(self) -> None:
        for process in self._running:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Steps 1 to 6 of the page, done once."""
    folder = tmp_path_factory.mktemp("site")
    account = Account(tmp_path_factory.mktemp("account"), "+15005550009", NUMBER)
    machine = Machine(folder, account)
    machine.follow("\n".join(blocks("sh")))
    site = Site(folder, account, json.loads((folder / "boxes.json").read_text()))
    addresses = [machine.serve(command) for command in blocks("sh server")]
    site.tokens_at = next(address for address in addresses if address.endswith("/token"))
    voice = next(address for address in addresses if address.endswith("/voice"))
    account.fronts[f"{OURS}/voice"] = voice
    yield site
    machine.close()
    account.close()


@pytest.fixture(scope="module")
def box_settings(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The box of the page, whose voice service is a switchboard that knows the page's key."""
    state = tmp_path_factory.mktemp("state")
    (state / "api_key.json").write_bytes((site.folder / "api_key.json").read_bytes())
    command = [sys.executable, "-m", "agent", "switchboard", "--listen", "127.0.0.1:0", "--state-dir", str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = dict(line.split() for line in iter(process.stdout.readline, "ready\n"))
        text = blocks("toml")[0].replace(f"{OURS}/token", site.tokens_at).replace("PASSWORD", site.passwords["door_1"])
        path = tmp_path_factory.mktemp("box") / "config.toml"
        path.write_text(text.replace("[box]\n", '[box]\npins = "mock"\n') + f"""
[sound]
driver = "none"
[signaling]
server = "{facts["address"]}"
ca_file = "{state / "ca.pem"}"
""")  # fmt: skip
        yield path
        process.terminate()


# --- the steps ---


def test_the_key_is_of_the_account_and_can_be_read_by_its_owner_only(site: Site) -> None:
    path = site.folder / "api_key.json"
    key = json.loads(path.read_text())

    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((site.folder / "boxes.json").stat().st_mode) == 0o600
    assert key["account_sid"] == site.account.sid
    assert site.account.keys[key["key_sid"]] == key["secret"]
    assert site.account.applications[key["application_sid"]]["voice_url"] == f"{OURS}/voice"


def test_a_box_gets_tokens_for_itself_and_for_nobody_else(site: Site) -> None:
    token = site.token("door_1")

    validity = token_validity(token)
    assert validity is not None and validity.issued_at is not None
    assert validity.expires_at - validity.issued_at == 3600
    for password in (site.passwords["desk_1"], "", "wörter", "x" * 4000):
        with pytest.raises(TokenError, match="403") as refused:
            fetcher(site.token_settings("door_1", password or "none"), "door_1")()
        assert site.passwords["door_1"] not in str(refused.value)
    with pytest.raises(TokenError, match="403"):
        fetcher(site.token_settings("nobody", site.passwords["door_1"]), "nobody")()


def test_a_box_whose_line_is_taken_out_gets_no_token_any_more(site: Site) -> None:
    path = site.folder / "boxes.json"
    before = path.read_text()
    site.token("desk_1")
    path.write_text(json.dumps({"door_1": site.passwords["door_1"]}))

    with pytest.raises(TokenError, match="403"):
        site.token("desk_1")

    path.write_text(before)


def test_the_token_server_is_as_short_as_the_page_says() -> None:
    source = (ROOT / "examples" / "token_server.py").read_text().split('"""', 2)[2]

    assert len([line for line in source.splitlines() if line.strip()]) <= 40
    assert "`examples/token_server.py`, 40 lines" in PAGE


# --- the calls ---


def shown() -> Iterator[list[Step]]:
    return map(read_twiml, blocks("xml"))


def test_a_phone_that_dials_the_number_rings_both_boxes(site: Site) -> None:
    to_number, *_ = shown()

    assert site.account.call_from_phone(CALLER, NUMBER) == to_number
    assert [one.whom for one in to_number[0].rung] == ["client:door_1", "client:desk_1"]


def test_a_press_rings_the_desk_with_the_parameters_of_the_button_and_then_the_phone(site: Site) -> None:
    _, _, desk, phone = shown()

    first = site.account.call_from_box(site.token("door_1"), To="reception", floor="2")
    assert first == desk
    assert first[0].rung[0].parameters == {"floor": "2"}

    again = {"To": "reception", "From": "client:door_1", "floor": "2"}
    for why in ("no-answer", "busy", "failed", "canceled"):
        assert site.account.ask(first[0].action, DialCallStatus=why, **again) == phone
    assert site.account.ask(first[0].action, DialCallStatus="completed", **again) == [Step("Hangup")]
    assert site.account.ask(phone[0].action, DialCallStatus="no-answer", **again) == [Step("Hangup")]


def test_nobody_keeps_waiting_for_an_answer_that_counts_already() -> None:
    dials = [step for document in shown() for step in document if step.verb == "Dial"]

    assert len(dials) == 4 and all(step.is_answered_late for step in dials)


@pytest.mark.parametrize("whom", ["+4930999", "client:desk_1", "", "nobody"])
def test_a_box_cannot_call_whom_the_phone_book_does_not_have(site: Site, whom: str) -> None:
    assert site.account.call_from_box(site.token("door_1"), To=whom) == [Step("Hangup")]


def test_only_the_service_is_answered_by_the_voice_url(site: Site) -> None:
    form = {"To": "reception", "From": "client:door_1"}

    for signature in ("", "AAAA", "sïgnature"):
        with pytest.raises(Refused, match="403"):
            site.account.post(f"{OURS}/voice", form, signature)


def test_a_token_of_another_key_makes_no_call(site: Site) -> None:
    key, secret = next(iter(site.account.keys.items()))
    site.account.keys[key] = "another secret of the same key, made after this one"

    with pytest.raises(Refused, match="signature"):
        site.account.call_from_box(site.token("door_1"), To="reception")

    site.account.keys[key] = secret


# --- the box ---


def test_the_box_of_the_page_passes_its_self_test_line_by_line(box_settings: Path) -> None:
    command = [sys.executable, "-m", "agent", "doctor", "--json", "--config", str(box_settings)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    told = [line.split(maxsplit=2) for line in blocks("text")[0].splitlines()]
    assert [(name, checks[name]["outcome"]) for _, name, _ in told] == [(name, outcome) for outcome, name, _ in told]
    assert [name for name in checks if name in {name for _, name, _ in told}] == [name for _, name, _ in told]
    for _, name, detail in told:
        if name in ("token", "version", "registration"):
            assert re.fullmatch(pattern_of(detail), checks[name]["detail"]), checks[name]["detail"]


def pattern_of(detail: str) -> str:
    """What the page shows of one machine, for any: other sids, figures and hosts."""
    pattern = re.escape(detail).replace(r"SK\.\.\.", "SK[0-9a-f]{32}").replace(r"AP\.\.\.", "AP[0-9a-f]{32}")
    return re.sub(r"wss:\S+?/signal", r"wss:\\S+/signal", re.sub(r"\d+\\ minutes", r"\\d+ minutes", pattern))


def test_the_box_of_the_page_makes_a_call(box_settings: Path, tmp_path: Path) -> None:
    note = write_tone(tmp_path / "note.wav", 440, 3)
    command = [sys.executable, "-m", "agent", "call", "echo", "--config", str(box_settings), "--capture", note,
               "--seconds", "1"]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 0, done.stderr
    assert "answered" in done.stdout


# --- the tables and the rest ---


def test_every_snippet_is_one_that_is_run_or_read() -> None:
    assert {name for name, _ in BLOCKS} == {"sh", "sh server", "toml", "text", "xml"}
    assert len(blocks("text")) == 1


@pytest.mark.parametrize("text", blocks("toml")[1:])
def test_settings_can_be_used(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    assert load(path).signaling.edges == ["frankfurt", "dublin"]


def test_each_edge_has_the_host_that_the_box_goes_to() -> None:
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| ((?:`voice-js\.[a-z.-]+`(?:, )?)+) \|$", PAGE, re.MULTILINE)

    pairs = [pair for edges, hosts in rows for pair in zip(re.findall("`(.+?)`", edges), re.findall("`(.+?)`", hosts),
                                                           strict=True)]  # fmt: skip
    assert len(pairs) == 9
    for edge, host in pairs:
        assert signaling_uris(edge=edge, generation=GENERATIONS["2"]) == [f"wss://{host}/signal"]


def test_each_code_of_the_service_is_a_trouble_of_the_part_that_the_page_names() -> None:
    rows = re.findall(r"^\| ((?:\d{5}(?:, )?)+) \| (\w*) ?\|", PAGE, re.MULTILINE)

    parts = {int(code): part for codes, part in rows for code in codes.split(", ")}
    assert len(parts) > 15 and set(parts.values()) == {*PARTS, ""} - {"service"}
    assert {code: refusal_by_code(code).part for code, part in parts.items() if part} == {
        code: part for code, part in parts.items() if part
    }


@pytest.mark.parametrize(
    ("twiml", "why"),
    [
        ("<Reply/>", "no <Response>"),
        ("<Response><Ring/></Response>", "no verb"),
        ("<Response><Dial answeronbridge='true'>+4930123456</Dial></Response>", "no attribute"),
        ("<Response><Dial timeout='soon'>+4930123456</Dial></Response>", "number of seconds"),
        ("<Response><Dial>030 123</Dial></Response>", "no number"),
        ("<Response><Dial><Client>door-1</Client></Dial></Response>", "no identity"),
        (f"<Response><Dial>{'<Client>a</Client>' * 11}</Dial></Response>", "more than ten"),
        ("<Response><Dial><Phone>+4930123456</Phone></Dial></Response>", "no noun"),
    ],
)
def test_what_is_no_twiml_is_told_apart(twiml: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_twiml(twiml)

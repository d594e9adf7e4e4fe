"""The server: what it says, what it refuses, and what it leaves behind."""

import http.client
import socket
import sys
import threading
import webbrowser

import pytest

from xent.cli.app import run
from xent.errors import UnavailableError, XentValueError
from xent.learn.catalog import CHAPTERS, LANGUAGES, written
from xent.learn.server import FIRST_PORT, _let_end, _open, bound, check_installed, serve


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def ask(server, path, **headers):
    """Return the status, the headers and the text of an answer."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def test_a_port_that_is_taken_is_told(taken, capsys):
    assert run(["learn", "--no-browser", "--port", str(taken)]) == 2
    told = capsys.readouterr().err
    assert f"port must be free, got {taken}, which another program listens on" in told
    assert "hint: leave --port out to take the next free one" in told


@pytest.mark.parametrize(("port", "words"), [("70000", "from 0 to 65535"), ("x", "whole number")])
def test_a_port_that_is_none_is_told(port, words, capsys):
    assert run(["learn", "--no-browser", "--port", port]) == 2
    assert words in capsys.readouterr().err


def test_without_a_port_the_next_free_one_is_taken(monkeypatch, taken):
    monkeypatch.setattr("xent.learn.server.FIRST_PORT", taken)
    listener, other = bound("127.0.0.1", None)
    with listener:
        assert listener.getsockname()[1] > taken
        assert other == taken


def test_no_free_port_at_all_is_told(monkeypatch, taken):
    monkeypatch.setattr("xent.learn.server.FIRST_PORT", taken)
    monkeypatch.setattr("xent.learn.server.TRIES", 1)
    with pytest.raises(XentValueError, match=f"no port from {taken} to {taken} is free"):
        bound("127.0.0.1", None)


def test_the_default_is_a_port_that_anyone_may_open():
    assert 1023 < FIRST_PORT < 65536


@pytest.mark.parametrize("missing", ["marimo", "anywidget"])
def test_what_is_missing_is_named_with_its_extra(monkeypatch, missing, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UnavailableError, match=rf"{missing}.*xent\[learn\]"):
        check_installed()
    assert run(["learn", "--no-browser"]) == 2
    assert 'hint: pip install "xent[learn]"' in capsys.readouterr().err


def test_an_unknown_language_is_refused():
    with pytest.raises(XentValueError, match="lang must be one of"):
        serve("fr")


class Ended:
    started, should_exit = True, False


@pytest.mark.parametrize("name", ["lynx", "www-browser"])
def test_a_browser_in_the_terminal_is_not_opened(monkeypatch, capsys, name):
    terminal = webbrowser.GenericBrowser(name)
    monkeypatch.setattr(terminal, "open", lambda *_: pytest.fail("it took the terminal"))
    monkeypatch.setattr(webbrowser, "get", lambda: terminal)
    _open(Ended(), "http://127.0.0.1:1/en/")
    assert capsys.readouterr().out == "no browser was found here: open the address in yours\n"


def test_no_browser_at_all_is_told(monkeypatch, capsys):
    def none():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    _open(Ended(), "http://127.0.0.1:1/en/")
    assert "no browser was found here" in capsys.readouterr().out


def test_the_browser_that_was_chosen_is_opened(monkeypatch, capsys):
    opened = []
    chosen = webbrowser.GenericBrowser(["/opt/vscode/browser.sh"])
    monkeypatch.setattr(chosen, "open", lambda url: opened.append(url) or True)
    monkeypatch.setattr(webbrowser, "get", lambda: chosen)
    _open(Ended(), "http://127.0.0.1:1/en/")
    assert opened == ["http://127.0.0.1:1/en/"]
    assert capsys.readouterr().out == ""


def test_what_is_computed_comes_to_its_end_before_the_program_does():
    may_end, ended = threading.Event(), []
    thread = threading.Thread(target=lambda: ended.append(may_end.wait(30)), daemon=True)
    thread.start()
    threading.Timer(0.2, may_end.set).start()
    _let_end({thread})
    assert ended == [True]
    assert not thread.is_alive()


def test_what_never_ends_does_not_hold_the_program(monkeypatch):
    monkeypatch.setattr("xent.learn.server.LONGEST_END", 0.05)
    release = threading.Event()
    threads = {threading.Thread(target=release.wait, args=(30,), daemon=True) for _ in range(3)}
    for thread in threads:
        thread.start()
    _let_end(threads)
    assert all(thread.is_alive() for thread in threads)
    release.set()


def test_the_address_alone_leads_to_the_cover(server):
    status, headers, _ = ask(server, "/")
    assert (status, headers["location"]) == (307, "/en/")


@pytest.mark.parametrize(("lang", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_the_cover_has_every_chapter(server, lang, tag):
    status, _, text = ask(server, f"/{lang}/")
    assert status == 200
    assert f'<html lang="{tag}">' in text
    for chapter in written():
        assert f'href="/{lang}/{chapter.address}/"' in text
        assert chapter.title[lang] in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("chapter", written(), ids=lambda c: c.slug)
def test_a_page_says_its_language_and_asks_this_machine_only(server, chapter, lang):
    status, headers, text = ask(server, f"/{lang}/{chapter.address}/")
    assert status == 200
    assert f'<html lang="{"zh-Hans" if lang == "zh" else "en"}">' in text
    assert f"<title>{chapter.title[lang]} · xent learn</title>" in text
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "http:" not in policy.replace("http://127", "")
    assert int(headers["content-length"]) == len(text.encode())


def test_an_address_without_its_slash_is_led_on(server):
    status, headers, _ = ask(server, "/zh/entropy")
    assert (status, headers["location"]) == (307, "/zh/entropy/")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/en/nothing/", "no such page"),
        ("/zh/nothing/", "没有这个页面"),
        ("/favicon.ico", "no such"),
    ],
)
def test_a_page_that_does_not_exist_is_told_in_words(server, path, words):
    status, _, text = ask(server, path)
    assert status == 404
    assert words in text


@pytest.mark.parametrize(
    "headers", [{"Host": "attacker.example"}, {"Origin": "http://attacker.example"}], ids=str
)
def test_a_page_elsewhere_that_reaches_this_port_is_refused(server, headers):
    assert ask(server, "/en/", **headers)[0] == 403
    assert ask(server, "/en/entropy/", **headers)[0] == 403


def test_the_code_of_the_notebooks_is_not_sent(server):
    _, _, text = ask(server, "/en/entropy/")
    assert "page.heading()" not in text


def test_chapters_are_found_by_name():
    assert len({c.slug for c in CHAPTERS}) == len(CHAPTERS) == 9

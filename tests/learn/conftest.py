"""One server and one browser for all pages; a page that complains or looks elsewhere fails."""

import os
import re
import signal
import subprocess
import sys

import pytest
from learn.reader import Reader

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


# the command, in a process that tells of every connection to elsewhere
WATCHED = """
import sys

def watch(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments[:2]
    else:
        return
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
        print("LEAVES", event, address, flush=True)

sys.addaudithook(watch)
from xent.cli.app import run
sys.exit(run(["learn", "--no-browser"]))
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of `xent learn`, as a reader starts it."""
    pytest.importorskip("marimo")
    # whatever marimo finds in or leaves at home is of no matter here
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-c", WATCHED]
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=home, env={**environment, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        said = ""
        while not (found := re.search(r"http://[\d.]+:\d+", said)):
            line = process.stdout.readline()
            assert line, "the server did not start: " + said
            said += line
        yield found[0]
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=120)
            assert "Traceback" not in rest, rest
            assert "LEAVES" not in said + rest
            assert rest.endswith("stopped\n")
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.fixture(scope="session")
def context(chromium):
    """One context for all pages, so that marimo's own files are fetched once."""
    context = chromium.new_context()
    # a policy of the server forbids every other machine; what it stops is told on the console
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI));"
        "if (self.origin !== 'null') localStorage.clear();"  # a sandboxed frame has none
    )
    yield context
    context.close()


@pytest.fixture
def chapter(context, server):
    """Open a chapter; what it says on the console and asks of any network fails the test."""
    told, asked, pages = [], [], []

    def heard(message):
        if message.type in ("error", "warning"):
            told.append(message.text)

    def sent(url):
        here = (f"{server}/", server.replace("http:", "ws:") + "/", "data:", "blob:")
        if not url.startswith(here):
            asked.append(url)

    def chapter(slug, lang="en", *, width=1280, scheme="light"):
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.set_default_timeout(60_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: sent(request.url))
        page.on("websocket", lambda socket: sent(socket.url))
        page.goto(f"{server}/{lang}/{slug.replace('_', '-')}/" if slug else f"{server}/{lang}/")
        page.wait_for_selector(".x-foot, .cover")
        return Reader(page)

    yield chapter
    for page in pages:
        page.close()
    assert told == []
    assert asked == []

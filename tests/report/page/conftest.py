"""A real browser: Chromium, without a window, and without a network."""

from contextlib import contextmanager

import pytest


@pytest.fixture
def visit(chromium, tmp_path):
    """Open a page; what it says on the console and asks of any network fails the test."""
    told, asked = [], []

    @contextmanager
    def visit(text, width=1440, scheme="light", **options):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )

        def only_itself(route):
            asked.append(route.request.url)
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                route.abort()

        context.route("**/*", only_itself)
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: told.append(dialog.message) or dialog.dismiss())
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))"
        )
        page.goto(path.as_uri())
        yield page
        context.close()
        assert told == []
        assert asked == [path.as_uri()]

    return visit

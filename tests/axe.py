"""What axe-core, the engine of most accessibility checks, finds on a page in a browser."""

import json

import required

# WCAG 2.2 A and AA, and what everybody agrees on beyond it
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# what axe leaves to the eye: words on pictures, whose colours the tests of the palettes compare,
# and the report in a frame that nothing reaches into, which has tests of its own
UNDECIDED = {"color-contrast", "frame-tested"}


def faults(page):
    """Return what breaks a rule of axe, in shadow roots too, a line each."""
    required.need_package("axe_playwright_python")
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    kinds = ["violations", "incomplete"]
    tags = {"type": "tag", "values": TAGS}
    # without preload it reads no style sheet by itself: a page from a disk may not
    options = {"runOnly": tags, "resultTypes": kinds, "preload": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    # a page that axe could not look at breaks no rule
    assert {"color-contrast", "document-title", "aria-valid-attr-value"} <= {
        rule["id"] for rule in found["passes"]
    }
    rules = found["violations"] + [
        rule for rule in found["incomplete"] if rule["id"] not in UNDECIDED
    ]
    return [
        f"{rule['id']} ({rule['impact']}): {json.dumps(node['target'])} {node['html'][:200]}"
        for rule in rules
        for node in rule["nodes"]
    ]

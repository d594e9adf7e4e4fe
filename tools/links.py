"""Check the built pages: `python tools/links.py build/docs`.

Every link and picture that stays inside leads to a file that is there, and to an anchor that is
in it; and nothing that a page loads by itself comes from outside: no font, script, style, picture.
"""

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

# what is fetched without a click
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# of a <link>: a name or an address, which nothing is loaded from
NAMES_ONLY = frozenset({"alternate", "author", "canonical", "index", "next", "prev", "search"})
IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


@dataclass
class Page(HTMLParser):
    """What one page points to, and what can be pointed to in it."""

    anchors: set = field(default_factory=set)
    links: list = field(default_factory=list)
    loads: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        # rel="canonical" and its like load nothing
        if found.get("rel") in NAMES_ONLY:
            return
        if tag in LOADS and found.get(LOADS[tag]):
            self.loads.append(found[LOADS[tag]])
        self.loads += IN_STYLES.findall(found.get("style") or "")


def read(path):
    page = Page()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    for style in re.findall(r"<style[^>]*>(.*?)</style>", text, re.S):
        page.loads += IN_STYLES.findall(style)
    return page


def faults(folder):
    """Return what is wrong with the pages in a folder, a line each."""
    folder = Path(folder).resolve()
    pages = {path: read(path) for path in sorted(folder.rglob("*.html"))}
    lines = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        lines += [f"{name}: loads {url}" for url in page.loads if outside(url)]
        for link in sorted(set(page.links)):
            if not outside(link) and (why := broken(link, path, pages)):
                lines.append(f"{name}: {link}: {why}")
    for path in sorted(folder.rglob("*.css")):
        found = IN_STYLES.findall(path.read_text(encoding="utf-8"))
        lines += [f"{path.relative_to(folder)}: loads {url}" for url in found]
    return lines


def outside(url):
    """Return whether a URL leads out of the pages; data that is written out does not."""
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "mailto")


def broken(link, path, pages):
    """Return why a link leads nowhere, or None."""
    if urlsplit(link).scheme:
        return None if link.startswith("data:") else "a scheme that is no place in a folder"
    where, anchor = urldefrag(link)
    where = urlsplit(where).path
    target = (path.parent / unquote(where)).resolve() if where else path
    if target.is_dir():
        return "a folder; files opened from a disk have no index"
    if not target.exists():
        return "no such file"
    if anchor and target in pages and unquote(anchor) not in pages[target].anchors:
        return "no such anchor"
    return None


if __name__ == "__main__":
    found = faults(sys.argv[1])
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))

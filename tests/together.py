"""Which tests stay in one process of a run on several: those of a file, and those named here."""

from xdist.scheduler import LoadFileScheduling

# What takes seconds to start, starts once: a server and its browser, a built documentation,
# Spark. In a file of another folder the name is the whole path.
GROUPS = {
    "tests/learn/": "learn",
    "tests/docs/": "docs",
    "tests/report/page/": "browser",
    "tests/evaluation/engines/": "engines",
    "tests/test_scale_page.py": "engines",
}


def group(name):
    """Return what the test called `name` stays together with."""
    file = name.split("::", 1)[0]
    return next((group for start, group in GROUPS.items() if file.startswith(start)), file)


class Together(LoadFileScheduling):
    """Hands whole files, or whole groups of them, to the processes, in their order.

    By file, as tests of one file share what they compute and import; of single tests, xdist
    would also look at all that a process has done each time that one is.
    """

    def _split_scope(self, nodeid):
        return group(nodeid)

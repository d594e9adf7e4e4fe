"""What a machine may lack: tests of it are skipped there, and fail where it was promised."""

import importlib.util
import os
import re
import shutil
import subprocess

import pytest

JAVA = 17  # the oldest that Spark 4 starts on
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def need(name, there, cure):
    """Skip the test unless `there`; fail it if XENT_REQUIRED, words in a row, names `name`."""
    if there:
        return
    if name in os.environ.get("XENT_REQUIRED", "").split():
        pytest.fail(f"XENT_REQUIRED names {name}, which is not here: {cure}")
    pytest.skip(f"{name} is not here: {cure}")


def need_package(name, extra="dev"):
    need(name, importlib.util.find_spec(name) is not None, f"pip install 'xent[{extra}]'")


def need_spark():
    need_package("pyspark", "spark")
    cure = f"Java {JAVA} or newer, apt-get install default-jre-headless"
    need("java", java_version() >= JAVA, cure)


def java_version():
    """Return the major version of the Java on the path, 0 without one."""
    if shutil.which("java") is None:
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found.group(1)) if found else 0


def browser():
    """Return where a browser is; skip without one, or without what drives it."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    need("chromium", path is not None, "apt-get install chromium")
    need_package("playwright")
    return path

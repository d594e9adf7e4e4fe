from interpreted import IGNORED, _quiet, device  # noqa: F401

collect_ignore_glob = IGNORED

"""Files that are whole or not there."""

from xent.evaluation.files import apart, writable, write_text

__all__ = ["apart", "writable", "write_text"]

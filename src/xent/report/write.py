"""Files that are whole or not there."""

from xent.evaluation.files import writable, write_text

__all__ = ["writable", "write_text"]

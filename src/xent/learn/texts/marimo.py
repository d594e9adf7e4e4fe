"""What marimo itself writes on a page, and what this program has it say instead.

The keys are marimo's words, without the spaces around them; a language that is not there keeps
them. What stands in pieces around a number is put together from `IN_FILES`, inside of its control
for files only.
"""

from __future__ import annotations

from xent.learn.upload import LARGEST

__all__ = ["IN_FILES", "SAID"]

_ENDED = {
    "en": "The program has ended. Start xent learn again, then load this page anew.",
    "zh": "程序已停止运行。请重新启动 xent learn，再刷新本页。",
}

SAID: dict[str, dict[str, str]] = {
    "Select...": {"zh": "请选择……"},
    "Search...": {"zh": "搜索……"},
    "Suggestions": {"zh": "可选的列"},
    "Select all": {"zh": "全选"},
    "Deselect all": {"zh": "全不选"},
    "Nothing found.": {"zh": "没有找到。"},
    "Radio Group": {"en": "Examples", "zh": "例子"},
    "Notifications (F8)": {"zh": "通知（F8）"},
    "Copy error": {"zh": "复制错误信息"},
    "File upload failed": {"en": "The file was not taken", "zh": "文件未能载入"},
    f"File is larger than {LARGEST} bytes": {
        "en": f"it has more than {LARGEST // 10**6} MB",
        "zh": f"文件超过 {LARGEST // 10**6} MB",
    },
    "Reconnect to app": {"zh": "重新连接"},
    "kernel not found": _ENDED,
    "Connecting…": {"zh": "正在连接……"},
    "Waiting for the notebook’s kernel to connect.": {"zh": "正在等待程序响应。"},
    "An internal error occurred": {"zh": "程序内部出错"},
    "See console for details.": {"zh": "详情见启动程序的终端。"},
}

IN_FILES: dict[str, dict[str, str]] = {
    "To re-upload:": {"zh": "换一个文件："},
    "Uploaded": {"zh": "已载入的文件数："},
    "Click to clear": {"zh": "清除文件"},
    "file": {"zh": ""},
    ".": {"zh": ""},
}

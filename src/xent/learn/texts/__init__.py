"""The texts, one file a chapter: every key in English and in Chinese, side by side."""

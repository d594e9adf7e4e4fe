"""One file a command: its name, its function's and its file's are the same.

A file that is added here is a command of `xent`; nothing else names it. What a command needs
is imported inside its function: every file here is loaded whenever `xent` starts.
"""

# The compiled module is typed where it is called: kernels/cpu/ says what comes in and out.
from typing import Any

def __getattr__(name: str) -> Any: ...

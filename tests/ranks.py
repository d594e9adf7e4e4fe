"""Programs that run as several processes, each a rank of one group."""

import json
import subprocess
import sys


def said_by(program, count, folder):
    """Start `program RANK RANKS STORE` for each rank; return what each printed last, as JSON."""
    running = [
        subprocess.Popen(
            [sys.executable, str(program), str(rank), str(count), str(folder / "store")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        done = [process.communicate(timeout=300) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * count, done
    return [json.loads(out.splitlines()[-1]) for out, _ in done]

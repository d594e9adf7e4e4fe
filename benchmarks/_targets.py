"""Prints beside each ratio what it should be."""


def report(rows, targets):
    """Print how many times as fast as each rival xent is, and the target of each.

    Parameters
    ----------
    rows : list of dict
        What `compare` returned, an implementation each; those of xent start with "xent".
    targets : dict of str to tuple of float
        For each rival the least ratio, for each implementation of xent in turn.
    """
    times = {row["implementation"]: row.get("milliseconds") for row in rows}
    ours = [label for label in times if label.startswith("xent")]
    for rival in (label for label in times if label not in ours):
        for i, label in enumerate(ours):
            if times[label] is None or times[rival] is None:
                print(f"  {label} against {rival}: no ratio, a result is wrong")
                continue
            ratio = times[rival] / times[label]
            line = f"  {label} against {rival}: {ratio:.2f}x"
            if rival in targets:
                least = targets[rival][i]
                line += f"  target {least:.3g}x: {'met' if ratio >= least else 'MISSED'}"
            print(line)
    print(flush=True)

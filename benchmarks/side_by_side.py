"""Time several functions in turn, so that a machine's changing speed touches all alike."""

import statistics
import time


def seconds(functions, rounds=10):
    """Time functions in turn, after one round of warming up.

    Args:
        functions: dict from name to function without arguments.
        rounds: how often each is timed.

    Returns:
        dict from name to list of seconds, in the order of the rounds.
    """
    times = {name: [] for name in functions}
    for turn in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn:
                times[name].append(time.perf_counter() - start)
    return times


def print_ratios(times):
    """Print each median, and its median ratio to the first, round by round."""
    base = next(iter(times.values()))
    for name, taken in times.items():
        ratio = statistics.median(t / b for t, b in zip(taken, base, strict=True))
        print(f"  {name:42} {1000 * statistics.median(taken):8.1f} ms   x {ratio:.2f}")

"""Ten small functions of the kinds that Python programs consist of."""

import json
import re
from collections import Counter, deque
from dataclasses import dataclass
from itertools import pairwise

WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Point:
    """A place in the plane."""

    x: float
    y: float


def points(count):
    """Make records."""
    return [Point(float(k), float(-k)) for k in range(count)]


def length(path):
    """Return the length of a line through points."""
    total = 0.0
    for before, after in pairwise(path):
        total += ((after.x - before.x) ** 2 + (after.y - before.y) ** 2) ** 0.5
    return total


def words(text):
    """Find the words of a text."""
    return WORD.findall(text.lower())


def frequent(text):
    """Return the words of a text, the most frequent first."""
    return [word for word, _ in Counter(text.split()).most_common()]


def copied(data):
    """Write data as JSON and read it again."""
    return json.loads(json.dumps(data))


def inverted(mapping):
    """Return which keys each value has."""
    keys = {}
    for key, value in mapping.items():
        keys.setdefault(value, []).append(key)
    return keys


def primes(limit):
    """Return the primes below a limit."""
    sieve = bytearray([1]) * limit
    sieve[:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(limit) if sieve[number]]


def reachable(graph, start):
    """Return what can be reached in a graph."""
    seen, ahead = {start}, deque([start])
    while ahead:
        for other in graph[ahead.popleft()]:
            if other not in seen:
                seen.add(other)
                ahead.append(other)
    return seen


def product(left, right):
    """Multiply two matrices."""
    columns = list(zip(*right, strict=True))

    def dot(row, column):
        return sum(a * b for a, b in zip(row, column, strict=True))

    return [[dot(row, column) for column in columns] for row in left]


def ordered(rows):
    """Sort rows by their second entry, the largest first."""
    return sorted(rows, key=lambda row: row[1], reverse=True)

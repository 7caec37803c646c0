"""A project of a few functions, to be measured."""

from toy.words import joined, upper
from toy.work import busy, total

__all__ = ["busy", "joined", "total", "upper"]

"""kdaudit: did the student take over its teacher's mistakes?"""

__version__ = "0.1.0"

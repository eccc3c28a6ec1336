"""Tests of kdaudit.controls."""

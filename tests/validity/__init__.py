"""Tests of the proof itself."""

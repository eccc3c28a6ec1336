"""The proof: error rates, power and coverage of the audit, by simulation and on real networks. See docs/validity.md."""

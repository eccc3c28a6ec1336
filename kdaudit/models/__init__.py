"""Model files in, answers out; and the student's architecture as a trainable network."""

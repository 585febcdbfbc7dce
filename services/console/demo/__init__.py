"""The demonstration: a running suite, a simulated year or a given file, and the targets' results."""

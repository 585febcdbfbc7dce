"""The demonstration: it runs a suite, publishes a simulated year or a given file, and shows the targets' results."""

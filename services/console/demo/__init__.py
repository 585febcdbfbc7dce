"""The demonstration: a running suite, a county's year or somebody's file in it, and what the targets come to."""

"""The whole suite on this machine: private servers and services that one process starts, watches and ends."""

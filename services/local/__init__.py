"""The whole suite on this machine: private servers and services, started, watched and ended by one process."""

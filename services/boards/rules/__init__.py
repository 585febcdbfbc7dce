"""Recording and alert rules, rendered from plans."""

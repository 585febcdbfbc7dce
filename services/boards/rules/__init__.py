"""Recording and alerting rules, rendered from plans."""

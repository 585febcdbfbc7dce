"""What a user would write or pick instead, each as its own documentation advises, for the same durable job.

The job is smaller than the suite's: an event is stored once, its case's row kept, the day's counts of its department
added to, all in one transaction, acknowledged afterwards. Corrections, retractions, working days, item versions and
late events, which the suite gets right as well, are left out, in favour of the peers.
"""

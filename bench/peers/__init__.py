"""Alternatives that a user would write or choose for the same durable job, each as its documentation advises.

The job is smaller than the suite's: one transaction stores the event once, keeps its case's row, and adds to the day's
counts of its department; the message is acknowledged afterwards. In favour of the peers it leaves out corrections,
retractions, working days, item versions and late events, which the suite handles, too. Pathway's job has corrections
and retractions, since a graph that takes changes in is what it is for.
"""

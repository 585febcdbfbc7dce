"""Archived events: files of Parquet, and packed in the database so that every question is answered as before.

docs/decisions/0017-archived-events.md says why they are not partitions of `events`.
"""

"""The parts of `recompute`: tasks, the processes that do them, and the repair of wrong rows."""

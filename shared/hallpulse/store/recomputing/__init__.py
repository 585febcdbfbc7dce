"""The parts of `recompute`: what there is to do, how it is divided, done by processes, and put right."""

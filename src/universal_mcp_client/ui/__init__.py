"""Front ends: what a person sees of a run, and how a person answers its questions."""

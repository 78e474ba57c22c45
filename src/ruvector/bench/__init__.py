"""How fast is it here, beside the others? Vectors, peers, curves of recall and speed, pictures.

`ruvector bench` and the scripts of benchmarks/ are thin over this room. Recall always comes from an
exact search over the same vectors in the same run; a peer that is not installed is reported.
Threads: one measurement at a time; it pins the calling thread to one core and lets it go again.
It measures the public surface only, and knows nothing of where figures are kept.
"""

"""Files in, files out: lists, names, clashes, manifest and the pool; yields events, prints nothing."""

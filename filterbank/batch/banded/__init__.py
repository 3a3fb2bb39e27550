"""Images under a cap on memory: what a band takes, which course an image takes, and the walk itself."""

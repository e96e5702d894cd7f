"""Training: from slices on disk to a release that the engine serves. Knows torch, not Django."""

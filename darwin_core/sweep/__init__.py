"""Many runs of one deployment that differ in a few keys."""

"""A believable one-stop centre for demonstrations, load and tests: it says statements and computes no figure of any report."""

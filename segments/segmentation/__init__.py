"""One rule tree, compiled to SQL, that says whom a segment, a block or a branch means."""

"""Who changed what, when and why: the records, their hash chain, and its proof."""

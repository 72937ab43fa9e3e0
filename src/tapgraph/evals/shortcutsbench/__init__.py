"""ShortcutsBench (arXiv 2407.00132) and its pre-experiment sets."""

"""What steers a checkpoint's attention and layers beside words."""

"""Long-context attention: tensors in, tensors out."""

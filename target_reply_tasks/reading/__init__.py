"""Reading: lines of the input become valid records, or rejections."""

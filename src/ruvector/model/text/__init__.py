"""How does text become words that can be found? Tokenizers, stop words, stems, BM25. Pure."""
